"""Environments: what stands in environment.yaml comes back, and what is wrong is named."""

import pytest

from gitops import assets
from gitops.environment import Controller, Pool, read_environment, write_environment
from gitops.errors import InvalidRequestError

FULL = """\
name: staging
cluster: ack-hangzhou
context: ack-staging
kubernetes: "1.32"
lws: 0.9.0
controller: flux
controllerNamespace: gitops
namespace: models
pools:
  - {name: l20, gpu: l20, nodes: 4, price: 8.5, nodeSelector: {pool: l20}}
  - {name: h20, gpu: h20-96, nodes: 2, gpusPerNode: 8, price: 20}
claims: [llm-model]
currency: CNY
defaults: {replicas: 2, components: [wait-for-model], tolerations: [{key: gpu}]}
slack: {channel: C1, onCall: S1}
approvers: [U0ALICE, S0PLATFORM]
twoPerson: true
"""


def test_an_environment_comes_back_as_written():
    environment = read_environment(FULL, "environment.yaml")

    assert read_environment(write_environment(environment), "x") == environment
    assert (environment.controller, environment.controller_place) == (Controller.FLUX, "gitops")
    assert environment.pools[1] == Pool("h20", "h20-96", 2, 8, 20.0)
    assert (environment.gpus, environment.price) == (20, 20.0)


def test_the_example_reads_and_has_no_price():
    path = assets.root() / "overlays" / "example" / "environment.yaml"

    environment = read_environment(path.read_text(), "environment.yaml")

    assert (environment.name, environment.gpus, environment.price) == ("example", 2, None)


@pytest.mark.parametrize(("controller", "place"), [("argocd", "argocd"), ("flux", "flux-system")])
def test_a_controller_has_its_objects_where_its_manual_puts_them(controller, place):
    text = f"name: dev\ncontroller: {controller}\n"

    assert read_environment(text, "environment.yaml").controller_place == place


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("name: staging", "name: ../x", "“.” is not allowed"),
        ("lws: 0.9.0", "lws: 0.5.0", "LWS 0.5.0: 0.6.0 or newer is needed"),
        ('kubernetes: "1.32"', 'kubernetes: "1.20"', "Kubernetes 1.20: 1.27 or newer is needed"),
        ("controller: flux", "controller: helm", "Invalid enum value 'helm' - at controller"),
        ("controllerNamespace: gitops", "controllerNamespace: a/b", "“/” is not allowed"),
        ("nodes: 4", "nodes: -4", "pool l20: nodes -4"),
        ("gpusPerNode: 8", "gpusPerNode: 80", "pool h20: GPUs a node 80"),
        ("price: 8.5", "prices: 8.5", "unknown field prices in pools[0]"),
        ("currency: CNY", "curency: CNY", "unknown field curency; did you mean currency?"),
        ("replicas: 2", "replicas: -2", "default replicas -2"),
        ("claims: [llm-model]", "claims: [LLM]", "claim LLM: “L” is not allowed"),
        ("U0ALICE, S0", '"@acme/x", S0', "approver @acme/x: expected a Slack user id such as U0"),
        ("cluster: ack-hangzhou", 'cluster: "a\\u202e"', "RIGHT-TO-LEFT OVERRIDE"),
    ],
)  # fmt: skip
def test_a_wrong_environment_is_refused_by_field(old, new, reason):
    assert old in FULL

    with pytest.raises(InvalidRequestError) as refusal:
        read_environment(FULL.replace(old, new, 1), "environment.yaml")

    assert reason in str(refusal.value)
    assert str(refusal.value).startswith("environment.yaml: ")

"""Whatever deployment is accepted: it round-trips, builds, passes, and starts what was asked."""

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, assume, given, settings

from gitops.build import build
from gitops.catalog import Catalog
from gitops.checks import Facts, Severity, review
from gitops.engine import Engine
from gitops.environment import Environment
from gitops.errors import InvalidRequestError
from gitops.launch import launch
from gitops.overlay import read, render, source_of
from gitops.request import Changes, DeployRequest
from gitops.resolve import resolve

CATALOG = Catalog.load()
SERVERS = ["0.6.0", "0.7.0", "0.8.0", "0.9.0", "0.10.0"]

names = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
texts = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")), max_size=30
)
variables = st.dictionaries(st.from_regex(r"X_[A-Z0-9_]{1,8}", fullmatch=True), texts, max_size=3)
gibibytes = st.integers(40, 900).map(lambda gib: f"{gib}Gi")


@st.composite
def requests(draw):
    engine = draw(st.sampled_from(Engine))
    model = draw(st.sampled_from(sorted(CATALOG.models)))
    tensor, gpus = draw(st.sampled_from([1, 2, 4, 8])), draw(st.sampled_from([1, 2, 4, 8]))
    changes = Changes(
        replicas=draw(st.integers(0, 5)),
        tensor=tensor,
        pipeline=draw(st.sampled_from([1, 1, 2])),
        gpus_per_pod=min(tensor, gpus),
        engine_version=draw(st.sampled_from(VERSIONS[engine])),
        max_model_len=draw(st.none() | st.integers(1_024, 32_768)),
        environment_variables=draw(variables),
        memory=draw(st.none() | gibibytes),
        max_surge=draw(st.integers(0, 2)),
        served_model_name=draw(st.none() | names),
        reason=draw(st.none() | texts),
        owner=draw(st.none() | texts),
        node_selector=draw(st.dictionaries(names, names, max_size=2)),
        components=tuple(draw(st.sets(st.sampled_from(["wait-for-model", "network-policy"])))),
    )
    return DeployRequest(model, engine, draw(names), changes=changes)


VERSIONS = {
    Engine.VLLM: ["0.10.0", "0.11.0", "0.12.0", "0.24.0", "0.33.0"],
    Engine.SGLANG: ["0.4.10.post2", "0.5.9", "0.5.23"],
}


def accepted(request, lws):
    """Return the deployment of a request, or drop the example where a rule refuses it."""
    try:
        return resolve(request, Environment(name="staging", lws=lws), CATALOG)
    except InvalidRequestError as refusal:
        assert "\n" not in str(refusal)  # noqa: PT017 - refusals are part of the property
        assume(False)  # noqa: FBT003 - hypothesis' way to drop an example


SLOW = settings(
    max_examples=30, deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)  # fmt: skip
QUICK = settings(SLOW, max_examples=200)


@QUICK
@given(requests(), st.sampled_from(SERVERS))
def test_an_accepted_deployment_round_trips_and_renders_the_same_bytes(request, lws):
    deployment = accepted(request, lws)
    overlay = render(deployment, yarn=CATALOG.yarn(deployment))

    again = read(overlay.files[f"{deployment.folder}/llm.yaml"], "llm.yaml")

    assert again == deployment
    assert source_of(again) == source_of(deployment)
    assert render(again, yarn=CATALOG.yarn(again)) == overlay


@SLOW
@given(requests(), st.sampled_from(SERVERS))
def test_an_accepted_deployment_builds_passes_and_starts_what_was_asked(request, lws):
    deployment = accepted(request, lws)
    overlay = render(deployment, yarn=CATALOG.yarn(deployment))

    manifests = build(overlay)

    found = review(manifests, Facts(lws=lws))
    assert [f.text for f in found if f.severity is Severity.ERROR] == []
    spec = next(m for m in manifests if m["kind"] == "LeaderWorkerSet")["spec"]
    template = spec["leaderWorkerTemplate"]
    assert (spec["replicas"], template["size"]) == (deployment.replicas, deployment.size)
    container = template["leaderTemplate"]["spec"]["containers"][0]
    wanted = launch(deployment, CATALOG.yarn(deployment))
    assert tuple(container["args"]) == wanted.leader
    variables_ = {each["name"]: each.get("value") for each in container["env"]}
    for name, value in deployment.environment_variables.items():
        assert expanded(variables_[name]) == value
    limits = container["resources"]["limits"]
    assert limits["memory"] == deployment.resources.memory
    assert limits["nvidia.com/gpu"] == str(deployment.resources.gpus)


def expanded(value):
    """Return what a container sees: the kubelet writes `$(` for `$$(` and expands nothing else."""
    return value.replace("$$(", "$(")


@pytest.mark.parametrize("engine", Engine)
@pytest.mark.parametrize("model", sorted(CATALOG.models))
def test_every_model_of_the_catalogue_renders_with_every_recipe_or_says_why_not(model, engine):
    for version in VERSIONS[engine]:
        changes = Changes(engine_version=version, tensor=8, gpus_per_pod=8)
        request = DeployRequest(model, engine, changes=changes)
        try:
            deployment = resolve(request, Environment(name="staging"), CATALOG)
        except InvalidRequestError as refusal:
            assert model in str(refusal) or "TP" in str(refusal)  # noqa: PT017 - as above
            continue
        overlay = render(deployment, yarn=CATALOG.yarn(deployment))
        assert read(overlay.files[f"{deployment.folder}/llm.yaml"], "x") == deployment

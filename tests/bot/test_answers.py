"""What reading verbs answer: whole answers from whole values."""

import datetime as dt

import pytest

from bot.access import Actor
from bot.commands import answers
from bot.commands.command import FitQuestion
from bot.errors import CommandError
from bot.notice import Card, Facts, Listing
from bot.store import Proposal
from gitops.catalog import Catalog
from gitops.engine import Engine
from gitops.environment import Environment, Pool
from gitops.past import Standing
from gitops.request import Changes, DeployRequest
from gitops.resolve import resolve
from gitops.roles import Binding, Role, Roles

CATALOG = Catalog.load()
STAGING = Environment(name="staging", pools=(Pool("l20", "L20", 4),))


def deployment(name="m1", **changes):
    request = DeployRequest("qwen3-32b", Engine.SGLANG, name, changes=Changes(**changes))
    return resolve(request, STAGING, CATALOG)


def card(phase):
    return Card("m1", "staging", "m", "e", "s", "p", 2, 7, "u", "U1", phase)


def test_a_list_shows_main_with_the_phases_of_the_cards():
    both = [deployment(engine_version="0.5.23"), deployment("m2", engine_version="0.5.23")]

    waits = Proposal(
        "staging", "m3", "ns", "qwen3-8b", "q", "vllm 0.10.0", "1×(1×1 GPU)", "TP 1", 1, "s", 7,
        "U", "C", "1.2", "U1",
    )  # fmt: skip

    assert answers.listing(both, [waits], {"staging/m1": card("serving")}, 1, "list") == Listing(
        "Deployments (3)",
        ("deployment", "model", "engine", "shape", "GPUs", "phase"),
        (
            ("staging/m1", "qwen3-32b", "sglang 0.5.23", "1×(2×1 GPU) · TP 2", "2", "serving"),
            ("staging/m2", "qwen3-32b", "sglang 0.5.23", "1×(2×1 GPU) · TP 2", "2",
             "not watched yet"),
            ("staging/m3", "qwen3-8b", "vllm 0.10.0", "1×(1×1 GPU) · TP 1", "1",
             "not on main yet: pull request #7 is open"),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("page", "first", "rows", "shown", "more"),
    [
        (1, "m1", 20, 1, "list --page 2"),
        (2, "m21", 20, 2, "list --page 3"),
        (3, "m41", 5, 3, ""),
        (9, "m41", 5, 3, ""),
    ],
)
def test_a_long_list_has_pages(page, first, rows, shown, more):
    many = [deployment(f"m{number}") for number in range(1, 46)]

    listing = answers.listing(many, [], {}, page, "list")

    assert (listing.page, listing.pages, listing.more) == (shown, 3, more)
    assert (len(listing.rows), listing.rows[0][0]) == (rows, f"staging/{first}")


def test_models_are_found_by_a_word_in_any_case():
    found = answers.models(CATALOG, "QWEN3-32b", 1, "models QWEN3-32b")

    assert ("qwen3-32b", "32.8B", "40,960 tokens", "Qwen/Qwen3-32B") in found.rows
    assert all("qwen3-32b" in f"{row[0]} {row[3]}".lower() for row in found.rows)
    assert answers.models(CATALOG, "no such", 1, "models").rows == ()


def test_a_history_counts_back_as_rollback_does():
    at = dt.datetime(2026, 11, 24, 9, 5, tzinfo=dt.UTC)
    entries = [
        Standing("a" * 40, "scale(staging/m1): 1 → 2 groups", "slack:UALICE", at, 7),
        Standing("b" * 40, "by hand", "bob", at),
    ]

    assert answers.history("staging/m1", entries, 1, "history m1", called).rows == (
        ("now", "aaaaaaa", "2026-11-24 09:05 UTC", "Alice", "scale(staging/m1): 1 → 2 groups (#7)"),
        ("1", "bbbbbbb", "2026-11-24 09:05 UTC", "bob", "by hand"),
    )


def called(by):
    return {"slack:UALICE": "Alice"}.get(by, by)


def test_only_people_on_the_page_are_asked_for():
    at, asked = dt.datetime(2026, 11, 24, tzinfo=dt.UTC), []
    entries = [Standing("a" * 40, "t", f"slack:U{number}", at) for number in range(50)]

    shown = answers.history(
        "staging/m1", entries, 3, "history m1", lambda by: asked.append(by) or by
    )

    assert asked == [f"slack:U{number}" for number in range(40, 50)]
    assert (shown.page, shown.pages) == (3, 3)


def test_a_fit_takes_gpus_and_division_of_the_environment_when_none_are_named():
    question = FitQuestion("qwen3-32b", Engine.SGLANG)

    [said] = answers.fit(question, CATALOG, STAGING).copy

    assert "qwen3-32b bf16 on 2 × " in said
    assert "2 nodes with 1 GPU each" in said


def test_a_fit_of_named_gpus_needs_no_pool():
    question = FitQuestion("qwen3-32b", Engine.VLLM, "a100-40", 2, nodes=1)

    assert "(TP 2)" in answers.fit(question, CATALOG, Environment(name="bare")).copy[0]


def test_without_gpus_a_fit_says_what_to_add():
    with pytest.raises(CommandError, match="declares no pool of GPUs; say which type, as `--gpu"):
        answers.fit(FitQuestion("qwen3-32b", Engine.VLLM), CATALOG, Environment(name="bare"))


@pytest.mark.parametrize(
    ("secret", "key", "header"),
    [
        (None, "none", ""),
        ("llm-key", "Secret llm-key", ' -H "Authorization: Bearer $API_KEY"'),
    ],
)
def test_an_endpoint_is_a_base_url_a_model_and_calls_to_copy(secret, key, header):
    said = answers.endpoint(deployment(api_key_secret=secret))

    base = "http://m1-leader.default.svc:8000/v1"
    assert said == Facts(
        "Endpoint of staging/m1",
        (("Base URL", base), ("Model", "qwen3-32b"), ("API key", key)),
        (
            (
                f"curl {base}/chat/completions{header} -H 'Content-Type: application/json' -d '"
                '{"model": "qwen3-32b", "messages": [{"role": "user", "content": "hi"}]}\''
            ),
            "kubectl -n default port-forward svc/m1-leader 8000",
        ),
    )


def test_whoami_shows_the_role_in_each_environment_as_it_counts_here():
    bindings = (
        Binding(Role.REQUESTER, users=("U0ME",), environments=("staging",)),
        Binding(Role.APPROVER, users=("U0ME",), environments=("prod",), channels=("C0PROD",)),
    )
    roles = Roles(bindings, {"U0ME": "octocat"})

    assert answers.whoami(roles, Actor("U0ME", "C0HERE"), ("staging", "prod"), "2 at once") == (
        Facts(
            "You",
            (
                ("Slack", "U0ME"),
                ("GitHub", "octocat"),
                ("Role in prod", "none"),
                ("Role in staging", "requester"),
                ("Limits", "2 at once"),
            ),
        )
    )

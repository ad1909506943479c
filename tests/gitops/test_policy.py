"""Policies: a lint is raised, lowered or waived with a reason, and never by mistake."""

import datetime as dt

import pytest

from gitops.checks import ACROSS, LINTS, Finding, Policy, Severity, load_policy, review_all
from gitops.errors import InvalidRequestError

TODAY = dt.date(2026, 3, 1)
FINDING = Finding("image-pinned", Severity.ERROR, "x", "x: image y has no version tag")


def entry(**changes):
    fields = {"lint": "image-pinned", "severity": "waived", "reason": "One tag is kept."} | changes
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "rules:\n  - " + "\n    ".join(lines) + "\n"


def applied(text, overlay="overlays/dev/a", finding=FINDING):
    return load_policy(text).apply(finding, overlay, TODAY)


def test_without_a_policy_findings_stay():
    assert Policy().apply(FINDING, "overlays/dev/a", TODAY) == FINDING
    assert applied("rules: []\n") == FINDING


@pytest.mark.parametrize("severity", ["error", "warning"])
def test_a_lint_is_raised_or_lowered(severity):
    assert applied(entry(severity=severity)).severity is Severity(severity)


def test_a_waived_finding_says_why():
    assert applied(entry()) == Finding(
        "image-pinned",
        Severity.WAIVED,
        "x",
        "x: image y has no version tag (waived: One tag is kept.)",
    )


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({"overlays": "[overlays/dev/a]"}, True),
        ({"overlays": '["overlays/dev/*"]'}, True),
        ({"overlays": "[overlays/prod/a]"}, False),
        ({"overlays": "[overlays/dev/A]"}, False),
        ({"until": "2026-03-01"}, True),
        ({"until": "2026-02-28"}, False),
        ({"lint": "gpu-limits"}, False),
    ],
)
def test_a_rule_covers_its_lint_overlays_and_days(changes, covered):
    assert (applied(entry(**changes)) != FINDING) is covered


def test_a_later_rule_wins():
    both = entry() + entry(severity="warning").removeprefix("rules:\n")

    assert applied(both).severity is Severity.WARNING


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (entry(lint="image-pined"), "unknown lint image-pined; did you mean image-pinned?"),
        (entry(lint="zzz"), "unknown lint zzz; lints are api-key"),
        (entry(reason=None), "reason"),
        (entry(reason="''"), "has no reason; say why"),
        (entry(reason="' '"), "has no reason; say why"),
        (entry(severity="off"), "'off'"),
        (entry(until="soon"), "until"),
        (entry(overlays="[]"), "overlays is empty"),
        (entry(overlay="x"), "overlay"),
        ("lints: []\n", "lints"),
        ("rules: 1\n", "rules"),
        ("- a\n", "expected a mapping"),
    ],
)
def test_a_wrong_policy_is_refused(text, reason):
    with pytest.raises(InvalidRequestError) as refusal:
        load_policy(text, "policy.yaml")

    assert str(refusal.value).startswith("policy.yaml")
    assert reason in str(refusal.value)


def test_every_lint_has_an_id_of_its_own():
    ids = [lint.id for lint in LINTS] + list(ACROSS)

    assert len(ids) == len(set(ids))


def test_a_policy_reaches_what_is_found_between_overlays():
    text = entry(lint="duplicate-object", overlays="[overlays/dev/b]")
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    overlays = {"overlays/dev/a": [config], "overlays/dev/b": [config]}

    found = review_all(overlays, TODAY, load_policy(text))

    assert found["overlays/dev/a"] == ()
    assert [(f.rule, f.severity) for f in found["overlays/dev/b"]] == [
        ("duplicate-object", Severity.WAIVED)
    ]

"""What reviewers read: message, labels and body, whole."""

import dataclasses

import msgspec
import pytest

from gitops import assets
from gitops.assess import assess
from gitops.checks import Finding, Severity
from gitops.difference import MARKDOWN_LIMIT, ResourceDiff
from gitops.engine import Engine
from gitops.environment import Environment, read_environment
from gitops.errors import CheckFailedError
from gitops.overlay import render
from gitops.plan import FileChange, plan, plan_removal
from gitops.pull_request import (
    Metadata,
    Requested,
    Thread,
    body,
    escape,
    labels,
    message,
    metadata,
    metadata_of,
    replacing,
    trailers_of,
    write_up,
)
from gitops.request import Changes, DeployRequest
from gitops.resolve import resolve

REQUESTED = Requested("slack:U1", "abc123", "try it")


@pytest.fixture(scope="module")
def overlay(catalog):
    request = DeployRequest("qwen3-32b", Engine.VLLM, changes=Changes(engine_version="0.10.0"))
    return render(resolve(request, Environment(name="example"), catalog))


@pytest.fixture(scope="module")
def environment():
    path = assets.root() / "overlays" / "example" / "environment.yaml"
    text = path.read_text().replace("nodes: 2", "nodes: 2\n    price: 10")
    return read_environment(text + "currency: CNY\n", "environment.yaml")


@pytest.fixture(scope="module")
def created(overlay, environment, catalog):
    return assess(plan(overlay, {}), {}, environment, catalog)


@pytest.fixture(scope="module")
def scaled(overlay, environment, catalog):
    deployment = msgspec.structs.replace(overlay.deployment, replicas=2)
    changed = plan(render(deployment), overlay.all_files, "scale")
    return assess(changed, overlay.all_files, environment, catalog)


def test_the_commit_carries_trailers_that_a_repeated_run_finds(created):
    assert message(created.plan, REQUESTED) == (
        "deploy(example/qwen3-32b-vllm): vllm 0.10.0 · 1×(2×1 GPU) · TP 2\n\n"
        "Requested-by: slack:U1\n"
        "Request-Id: abc123\n"
        f"Desired-State: {created.plan.state}\n"
    )


def test_labels_say_what_filters_look_for(created, scaled):
    assert labels(created) == (
        "llm", "action/deploy", "env/example", "engine/vllm", "gpu-delta/+2", "risk/no-restart",
        "fit/tight",
    )  # fmt: skip
    assert labels(scaled)[1:6] == (
        "action/scale", "env/example", "engine/vllm", "gpu-delta/+2", "risk/no-restart",
    )  # fmt: skip


def test_the_body_says_who_what_cost_and_impact_first(scaled):
    text = body(scaled, REQUESTED)

    assert text.startswith(
        '<!-- leadline:v1 {"name": "qwen3-32b-vllm", "environment": "example",'
        f' "state": "{scaled.plan.state}", "request": "abc123", "requester": "slack:U1"}} -->\n'
        "**slack:U1** asked: “try it”\n\n"
        "| | now | after |\n|---|---|---|\n"
        "| Engine | vllm 0.10.0 | vllm 0.10.0 |\n"
        "| Groups × (pods × GPU) | 1×(2×1 GPU) | 2×(2×1 GPU) |\n"
        "| Parallel | TP 2 | TP 2 |\n"
        "| GPUs / cost an hour | 2 | 4 (+20.00 CNY) |\n"
        "| Context | the model's own | the model's own |\n"
        "| Running groups | – | no group restarts; groups are added or removed at the end |\n\n"
        "Checks: ✅ render ✅ build\n"
        "⚠️ vulnerable-engine: vLLM 0.10.0 is known to be vulnerable; take "
    )
    assert "\n\n### Fit\n\n⚠️ qwen3-32b bf16 on 2 × " in text


def test_the_rendered_difference_stands_by_resource(scaled):
    text = body(scaled, REQUESTED)

    assert "Rendered manifests: `LeaderWorkerSet: default/qwen3-32b-vllm` +1 −1\n" in text
    assert "\n-  replicas: 1\n+  replicas: 2\n" in text


def test_a_removal_shows_what_goes_and_that_storage_stays(overlay, environment, catalog):
    removed = plan_removal(overlay.deployment, overlay.all_files)

    text = body(assess(removed, overlay.all_files, environment, catalog), REQUESTED)

    assert "| GPUs / cost an hour | 2 | 0 (-20.00 CNY) |" in text
    assert "all groups stop; the storage stays" in text


def test_findings_are_listed_and_an_error_refuses(created):
    finding = Finding("image-pinned", Severity.ERROR, "x", "image has `no` tag")
    refused = dataclasses.replace(created, findings=(finding,))

    assert "❌ image-pinned: image has \\`no\\` tag" in body(refused, REQUESTED)
    created.refuse()
    with pytest.raises(CheckFailedError, match="image has `no` tag"):
        refused.refuse()


@pytest.mark.parametrize(
    "reason",
    ["<!-- x -->", "a\n# heading", "@org/team", "**bold** `code`", "[x](http://evil)", "{{ 7*7 }}"],
)
def test_a_reason_is_one_harmless_line(created, reason):
    line = body(created, Requested("slack:U1", "k", reason)).splitlines()[1]

    assert line == f"**slack:U1** asked: “{escape(reason)}”"
    for markup in ("<", ">", "@o", "**bold", "[x]"):
        assert markup not in escape(reason)


@pytest.mark.parametrize(
    ("login", "name", "line"),
    [
        ("octo-cat", "Alice", "**@octo-cat (Slack: Alice)** asked"),
        ("octo-cat", "", "**@octo-cat** asked"),
        ("", "Alice *A*", "**Alice \\*A\\*** asked"),
        ("", "@org/team", "**@\u200borg/team** asked"),
        ("", "", "**slack:U1** asked"),
    ],
)
def test_who_asked_is_named_as_people_know_them(created, login, name, line):
    requested = Requested("slack:U1", "k", login=login, name=name)

    assert body(created, requested).splitlines()[1] == line
    assert "Requested-by: slack:U1\n" in message(created.plan, requested)


@pytest.mark.parametrize(
    ("permalink", "line"),
    [
        ("https://chat.example/archives/C1/p1?thread_ts=1.2&cid=C1",
         ("**slack:U1** asked in"
         " [Slack](https://chat.example/archives/C1/p1?thread_ts=1.2&cid=C1): “try”")),
        ("https://x)[evil](http://y", "**slack:U1** asked: “try”"),
        ("", "**slack:U1** asked: “try”"),
    ],
)  # fmt: skip
def test_the_thread_is_linked_where_it_is_an_address_and_no_more(created, permalink, line):
    requested = Requested("slack:U1", "k", "try", Thread(permalink, "C1", "1.2"))

    assert body(created, requested).splitlines()[1] == line


def test_what_is_replaced_stands_in_the_body_and_in_what_it_carries(scaled):
    written = write_up(scaled, REQUESTED)

    told = replacing(written, "update(example/x): context 1 → 2 <!-- --> `x`")

    assert told.metadata == msgspec.structs.replace(
        written.metadata, replaces="update(example/x): context 1 → 2 <!-- --> `x`"
    )
    assert metadata_of(told.body) == told.metadata
    lines = told.body.splitlines()
    assert lines[1:5] == [
        "**slack:U1** asked: “try it”",
        "",
        "Replaces: update\\(example/x\\): context 1 → 2 &lt;\\!-- --&gt; \\`x\\`",
        "",
    ]
    assert lines[5:] == written.body.splitlines()[3:]


def test_a_title_that_stays_replaces_nothing(scaled):
    written = write_up(scaled, REQUESTED)

    assert replacing(written, scaled.plan.title) == replacing(written, "") == written


def test_a_reason_with_a_newline_cannot_forge_a_trailer(created):
    requested = Requested("slack:U1\nDesired-State: forged", "k\nDesired-State: forged")

    lines = message(created.plan, requested).splitlines()

    assert [line for line in lines if line.startswith("Desired-State:")] == [
        f"Desired-State: {created.plan.state}"
    ]


@pytest.mark.parametrize(
    ("secret", "kind"),
    [
        ("ghp_" + "a" * 36, "GitHub token"),
        ("xoxb-" + "1" * 20, "Slack token"),
        ("AKIA" + "A" * 16, "AWS key"),
        ("-----BEGIN RSA PRIVATE KEY-----", "private key"),
    ],
)
def test_a_secret_in_the_reason_reaches_neither_git_nor_people(created, secret, kind):
    with pytest.raises(
        CheckFailedError, match=f"the reason holds what looks like a {kind}; "
    ) as no:
        write_up(created, Requested("slack:U1", "k", f"use {secret} for it"))

    assert secret not in str(no.value)


def test_a_secret_in_a_file_reaches_neither_git_nor_people(created):
    file = FileChange(f"{created.plan.folder}/llm.yaml", None, "reason: ghp_" + "a" * 36 + "\n")
    changed = dataclasses.replace(created.plan, changes=(file,))

    with pytest.raises(CheckFailedError, match=r"llm\.yaml holds what looks like a GitHub token"):
        write_up(dataclasses.replace(created, plan=changed), REQUESTED)


def test_what_a_body_carries_is_read_back(created):
    thread = Thread("https://chat.example/archives/C1/p1", "C1", "1755.1")
    requested = dataclasses.replace(REQUESTED, thread=thread)

    written = write_up(created, requested)

    assert metadata_of(written.body) == written.metadata == Metadata(
        "qwen3-32b-vllm", "example", created.plan.state, "abc123", "slack:U1", thread
    )  # fmt: skip
    assert metadata_of(written.body.replace("\n", "\r\n")) == written.metadata
    assert "Slack-Thread: https://chat.example/archives/C1/p1\n" in written.message


def test_what_a_request_says_cannot_end_the_comment_or_forge_another(created):
    evil = Requested('--> <!-- leadline:v1 {"state": "x"} -->', "k--> \n<!--")

    text = body(created, evil)

    assert metadata_of(text) == metadata(created.plan, evil)
    assert text.splitlines()[0].count("-->") == 1


@pytest.mark.parametrize(
    "text",
    [
        "", "hello", "<!-- leadline:v1 -->", "<!-- leadline:v1 {} -->", "<!-- leadline:v1 {x} -->",
        '<!-- leadline:v1 {"name": 1, "environment": "", "state": "", "request": ""} -->',
        'x <!-- leadline:v1 {"name": "", "environment": "", "state": "", "request": ""} -->',
    ],
)  # fmt: skip
def test_a_body_of_a_persons_own_carries_nothing(text):
    assert metadata_of(text) is None


def test_trailers_are_the_lines_that_a_message_ends_with(created):
    assert trailers_of(message(created.plan, REQUESTED)) == {
        "Requested-by": "slack:U1", "Request-Id": "abc123", "Desired-State": created.plan.state,
    }  # fmt: skip
    assert trailers_of("Desired-State: x\n\nMore words.\n") == {}
    assert trailers_of("") == {}


def test_a_long_difference_is_cut_by_resource_below_githubs_limit(created):
    big = ResourceDiff("ConfigMap: ns/big", tuple(["+x" * 100] * 1_000))
    long = dataclasses.replace(created, differences=(*created.differences, big))

    text = body(long, REQUESTED)

    assert len(text) <= MARKDOWN_LIMIT
    assert "Left out for length: ConfigMap: ns/big" in text
    assert "<summary>LeaderWorkerSet: default/qwen3-32b-vllm</summary>" in text

"""Hand edits, stale files and other renderers, told apart by the first lines of a rendered file."""

import pytest

from gitops import assets
from gitops.overlay import RENDERER, SAYS, Verdict, judge, judge_all, render
from gitops.overlay.stamp import stamped
from tests.gitops.test_overlay_bench import made

OVERLAY = render(made())
FOLDER = OVERLAY.deployment.folder
PATH = f"{FOLDER}/service.yaml"
TEXT = OVERLAY.files[PATH]
BODY = TEXT.split("custom/.\n", 1)[1]


def other(body=BODY, state=OVERLAY.state, version=RENDERER):
    return stamped(body, state, version)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (TEXT, Verdict.OK),
        (None, Verdict.MISSING),
        ("", Verdict.EDITED),
        (BODY, Verdict.EDITED),
        (TEXT.replace("q-vllm-mp", "q-vllm"), Verdict.EDITED),
        (TEXT + "# a word\n", Verdict.EDITED),
        (TEXT.replace("\n", "\r\n"), Verdict.EDITED),
        (TEXT.replace("sha256:", "sha256:0"), Verdict.EDITED),
        (TEXT.replace(f"Leadline {RENDERER}", "Leadline soon"), Verdict.EDITED),
        (render(made(replicas=2)).files[PATH], Verdict.STALE),
        (other(BODY + "# a forged digest\n"), Verdict.STALE),
        (other(BODY, version="0.0.9"), Verdict.OK),
        (other(BODY + "# as it was\n", version="0.0.9"), Verdict.OLDER),
        (other(BODY + "# as it was\n", version="0.1.0rc1"), Verdict.OLDER),
        (other(BODY + "# as it will be\n", version="9.0.0"), Verdict.NEWER),
        (other(BODY, state="0" * 16, version="0.0.9"), Verdict.STALE),
        (other(BODY, version="0.0.9") + "x: y\n", Verdict.EDITED),
    ],
)
def test_a_rendered_file_is_told_from_what_became_of_it(text, verdict):
    assert judge(PATH, text, OVERLAY) is verdict


def test_the_first_lines_say_who_rendered_it_and_where_changes_belong():
    first, second = TEXT.splitlines()[:2]

    assert first.startswith(f"# Rendered by Leadline {RENDERER} (digest sha256:")
    assert first.endswith(f"from llm.yaml (state {OVERLAY.state}).")
    assert "llm.yaml" in second
    assert "custom/" in second


def test_every_rendered_file_but_llm_yaml_says_so():
    said = {path: text.startswith("# Rendered by Leadline") for path, text in OVERLAY.files.items()}

    assert said == {path: not path.endswith("llm.yaml") for path in OVERLAY.files}


@pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.OK])
def test_a_verdict_that_refuses_names_the_next_step(verdict):
    assert "leadline render --write" in SAYS[verdict] or verdict is Verdict.NEWER
    assert verdict.refuses is (verdict not in {Verdict.OLDER, Verdict.NEWER})


def test_a_hand_edit_is_sent_to_llm_yaml_and_custom():
    assert "llm.yaml" in SAYS[Verdict.EDITED]
    assert "custom/" in SAYS[Verdict.EDITED]


def test_custom_and_comments_in_llm_yaml_are_nobody_s_business():
    source = f"{FOLDER}/llm.yaml"

    assert judge(f"{FOLDER}/custom/kustomization.yaml", "anything", OVERLAY) is Verdict.OK
    assert judge(f"{FOLDER}/README.md", "anything", OVERLAY) is Verdict.OK
    assert judge(source, "# mine\n" + OVERLAY.files[source], OVERLAY) is Verdict.OK


def test_a_whole_folder_is_judged_at_once():
    found = {path: text for path, text in OVERLAY.files.items() if path != PATH}

    assert judge_all(found, OVERLAY) == {
        path: Verdict.MISSING if path == PATH else Verdict.OK for path in OVERLAY.files
    }


def test_the_renderer_s_version_is_leadline_s_own():
    text = (assets.root() / "pyproject.toml").read_text(encoding="utf-8")

    assert f'\nversion = "{RENDERER}"\n' in text

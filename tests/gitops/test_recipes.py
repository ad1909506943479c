"""Which recipe, version and image a request gets, and what it is told about them."""

import pytest

from gitops import assets
from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.launch import form_of
from gitops.recipes import load_recipes, pick, version_of

FOLDER = assets.root() / "kustomize" / "catalog" / "engines"
RECIPES = load_recipes(FOLDER)
VLLM, SGLANG = Engine.VLLM, Engine.SGLANG
GUIDE_VLLM = "kube-ai-registry.cn-shanghai.cr.aliyuncs.com/kube-ai/vllm:v0.10.0"
GUIDE_SGLANG = (
    "anolis-registry.cn-zhangjiakou.cr.aliyuncs.com/anolis-docker-images/docker-temp"
    ":0.3.4.post2-sglang0.4.10.post2-pytorch2.7.1.8-cuda12.8.1-py312-alinux3.2104"
)


@pytest.mark.parametrize(
    ("engine", "version", "image", "recipe", "taken", "taken_image"),
    [
        (VLLM, None, None, "vllm-mp", "0.33.0", "vllm/vllm-openai:v0.33.0"),
        (SGLANG, None, None, "sglang", "0.5.23", "lmsysorg/sglang:v0.5.23"),
        (VLLM, "0.10.0", None, "vllm-ack-guide", "0.10.0", GUIDE_VLLM),
        (VLLM, "v0.10.0", None, "vllm-ack-guide", "0.10.0", GUIDE_VLLM),
        (VLLM, "0.11.0", None, "vllm-ray", "0.11.0", "vllm/vllm-openai:v0.11.0"),
        (VLLM, "0.11.1", None, "vllm-mp", "0.11.1", "vllm/vllm-openai:v0.11.1"),
        (VLLM, "0.13.0", None, "vllm-mp", "0.13.0", "vllm/vllm-openai:v0.13.0"),
        (SGLANG, "0.4.10.post2", None, "sglang-ack-guide", "0.4.10.post2", GUIDE_SGLANG),
        (SGLANG, "0.5.9", None, "sglang", "0.5.9", "lmsysorg/sglang:v0.5.9"),
        (VLLM, None, GUIDE_VLLM, "vllm-ack-guide", "0.10.0", GUIDE_VLLM),
        (SGLANG, None, GUIDE_SGLANG, "sglang-ack-guide", "0.4.10.post2", GUIDE_SGLANG),
        (VLLM, None, "r.example/v:v0.18.1-cu129", "vllm-mp", "0.18.1", "r.example/v:v0.18.1-cu129"),
        (VLLM, "0.24.0", "r.example/v:team-7", "vllm-mp", "0.24.0", "r.example/v:team-7"),
        (VLLM, "0.24.0", "r.example/v:1.2.3", "vllm-mp", "0.24.0", "r.example/v:1.2.3"),
    ],
)
def test_a_request_gets_a_recipe_a_version_and_an_image(
    engine, version, image, recipe, taken, taken_image
):
    choice = pick(engine, version, image, recipes=RECIPES)

    assert (choice.recipe.name, choice.version, choice.image) == (recipe, taken, taken_image)


@pytest.mark.parametrize(
    ("engine", "version", "image", "text"),
    [
        (VLLM, None, "r.example/vllm:latest", "pin a version tag or a digest"),
        (VLLM, None, "r.example/vllm", "pin a version tag or a digest"),
        (
            VLLM,
            None,
            "r.example/vllm:25.09-py3",
            (
                "image r.example/vllm:25.09-py3: its tag does not tell which vLLM it holds; say"
                " --engine-version"
            ),
        ),
        (SGLANG, None, f"r.example/s@sha256:{'a' * 64}", "say --engine-version"),
        (
            VLLM,
            "0.9.2",
            None,
            (
                "vLLM 0.9.2: no recipe covers it; there are recipes for 0.10.0 up to 0.10.1,"
                " 0.10.1 up to 0.11.1, 0.11.1 up to 1; choose a version of these, or add a recipe"
            ),
        ),
        (SGLANG, "0.4.9", None, "0.4.10.post2 up to 0.4.11, 0.5 up to 1"),
        (VLLM, None, "r.example/vllm:v1.4.0", "vLLM 1.4.0: no recipe covers it"),
        (VLLM, "newest", None, "engine version newest: expected a form such as 0.10.0"),
    ],
)
def test_what_cannot_be_chosen_is_refused(engine, version, image, text):
    with pytest.raises(InvalidRequestError) as refusal:
        pick(engine, version, image, recipes=RECIPES)

    assert text in str(refusal.value)


@pytest.mark.parametrize(
    ("engine", "version", "ids", "safe"),
    [
        (
            VLLM,
            "0.10.0",
            ["CVE-2025-48956", "CVE-2025-6242", "CVE-2025-61620", "CVE-2025-62426"],
            "0.14.1",
        ),
        (VLLM, "0.11.0", ["CVE-2025-62426", "CVE-2026-22807"], "0.14.1"),
        (SGLANG, "0.4.10.post2", ["CVE-2025-10164"], "0.5.4"),
        (SGLANG, "0.5.3", ["CVE-2025-10164"], "0.5.4"),
    ],
)
def test_a_vulnerable_version_is_taken_with_a_warning(engine, version, ids, safe):
    [warning] = pick(engine, version, recipes=RECIPES).warnings

    assert [id_ for id_ in ids if id_ not in warning] == []
    assert f"; take {safe} or newer (" in warning


@pytest.mark.parametrize(
    ("engine", "version"), [(VLLM, None), (SGLANG, None), (VLLM, "0.14.1"), (SGLANG, "0.5.4")]
)
def test_a_version_without_known_vulnerability_has_no_warning(engine, version):
    assert pick(engine, version, recipes=RECIPES).warnings == ()


def test_what_is_newer_than_anything_read_is_taken_with_a_warning():
    [warning] = pick(VLLM, "0.40.0", recipes=RECIPES).warnings

    assert warning.startswith("vLLM 0.40.0 is newer than 0.33.0, the newest release read")


def test_a_version_that_the_tag_contradicts_is_taken_with_a_warning():
    choice = pick(VLLM, "0.24.0", "r.example/vllm:v0.18.1", recipes=RECIPES)

    assert choice.warnings == (
        "the image's tag tells vLLM 0.18.1, the request 0.24.0; 0.24.0 is taken",
    )


@pytest.mark.parametrize(
    ("tag", "engine", "version"),
    [
        ("v0.10.0", VLLM, "0.10.0"),
        ("0.10.1.1", VLLM, "0.10.1.1"),
        ("v0.10.2rc1", VLLM, "0.10.2rc1"),
        ("rocm6.4.1_vllm_0.10.0_20250812", VLLM, "0.10.0"),
        ("rocm6.4.1-vllm-0.10.0-20250812", VLLM, "0.10.0"),
        ("v0.5.9-cu129-amd64", SGLANG, "0.5.9"),
        ("0.3.4.post2-sglang0.4.10.post2-pytorch2.7.1.8", SGLANG, "0.4.10.post2"),
        ("nightly-2f1a", VLLM, None),
        ("25.09-py3", VLLM, None),
        ("cu128-v0.10.0", VLLM, None),
    ],
)
def test_a_tag_tells_its_version_or_none(tag, engine, version):
    assert version_of(f"registry.example:5000/team/engine:{tag}", engine) == version


def team(tmp_path, text, name="vllm.yaml"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return load_recipes(FOLDER, tmp_path)


def test_a_team_replaces_a_recipe_by_its_name(tmp_path):
    recipes = team(
        tmp_path,
        'engine: vllm\nrecipes:\n  - name: vllm-mp\n    versions: ">=0.11.1 <1"\n'
        "    version: 0.28.0\n    base: kustomize/engines/vllm-mp-acme/v1\n"
        '    image: "mirror.example/vllm:v{version}"\n',
    )

    choice = pick(VLLM, recipes=recipes)

    assert (choice.version, choice.image) == ("0.28.0", "mirror.example/vllm:v0.28.0")
    assert form_of(choice.base) == "vllm-mp"
    assert pick(SGLANG, recipes=recipes).version == "0.5.23"


def test_a_team_s_further_recipe_is_looked_at_first(tmp_path):
    recipes = team(
        tmp_path,
        'engine: vllm\nrecipes:\n  - name: ray-image\n    versions: ">=0.12.0 <0.13.0"\n'
        "    version: 0.12.0\n    base: kustomize/engines/vllm-ray/v1\n    ray_in_image: true\n"
        '    image: "mirror.example/vllm-ray:v{version}"\n',
    )

    assert pick(VLLM, "0.12.0", recipes=recipes).recipe.name == "ray-image"
    assert pick(VLLM, "0.14.1", recipes=recipes).recipe.name == "vllm-mp"


def test_a_team_s_vulnerability_is_heeded_by_a_bare_deploy(tmp_path):
    recipes = team(
        tmp_path,
        'engine: vllm\nvulnerabilities:\n  - id: OURS-1\n    versions: ">=0.30.0 <0.34.0"\n'
        "    fixed: 0.34.0\n    what: it sings\n    source: us\n",
    )

    choice = pick(VLLM, recipes=recipes)

    assert "OURS-1, fixed in 0.34.0: it sings" in "; ".join(choice.warnings)


RECIPE = (
    'engine: vllm\nrecipes:\n  - name: x\n    versions: "%s"\n    version: "%s"\n    base: %s\n'
)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (RECIPE % (">=0.1 <0.2", "0.1", "b"), "missing required field"),
        (
            RECIPE % (">0.1", "0.1", "b") + '    image: "r/x:v{version}"\n',
            "expected a form such as",
        ),
        (RECIPE % (">=0.2 <0.1", "0.1", "b") + '    image: "r/x:v1"\n', "holds none; swap the two"),
        (
            RECIPE % (">=0.1 <0.2", "0.2", "b") + '    image: "r/x:v1"\n',
            "x.yaml: x: version 0.2 is not in its own range; correct one of them",
        ),
        (RECIPE % (">=0.1 <0.2", "0.1", "b") + '    image: "r/x"\n', "pin a version tag"),
        (
            RECIPE % (">=0.1 <0.2", "0.1", "kustomize/engines/vllm-ray/v1")
            + '    image: "r/x:1"\n',
            "say ray_in_image: true",
        ),
        ("engine: trt\n", "Invalid enum value"),
    ],
)
def test_a_wrong_recipe_file_is_refused(tmp_path, text, refusal):
    with pytest.raises(InvalidRequestError) as caught:
        team(tmp_path, text, "x.yaml")

    assert refusal in str(caught.value)
    assert str(caught.value).startswith("x.yaml") or "image" in str(caught.value)


def test_every_base_of_a_recipe_is_there_and_has_a_launch_form():
    for recipe in RECIPES.recipes:
        form_of(recipe.base)
        assert (assets.root() / recipe.base / "kustomization.yaml").is_file()

"""Documents that must follow the code: settings, verbs, fields, lints, the tree, the guide."""

import ast
import re
import tomllib
from importlib import metadata
from pathlib import Path

import msgspec
import pytest

from bot.commands.verbs import VERBS
from gitops.checks import ACROSS, LINTS, OF_SOURCES
from gitops.deployment import ModelDeployment
from gitops.environment import Environment
from gitops.storage.files import KINDS
from gitops.verbs import GROUP

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
ARCHITECTURE = ROOT / "docs" / "ARCHITECTURE.md"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
LAYERS = [c for c in CONTRACTS["contracts"] if c["type"] == "layers" and "containers" in c]
SETTING = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|KUBECONFIG")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def settings_of(module):
    """Return the names of environment variables that stand as strings in a settings module."""
    tree = ast.parse((ROOT / module).read_text("utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and SETTING.fullmatch(text)}


def test_the_settings_page_names_every_setting_and_no_other():
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    named = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", page, re.MULTILINE))

    assert named == settings_of("gitops/settings.py") | settings_of("bot/settings.py")


@pytest.mark.parametrize("verb", sorted(metadata.entry_points(group=GROUP).names))
def test_the_readme_names_every_verb_of_the_terminal(verb):
    assert f"`leadline {verb}" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("verb", sorted({*VERBS} - {"update"}))
def test_the_readme_names_every_verb_and_option_of_the_chat(verb):  # update has those of deploy
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    [row] = [line for line in lines if line.startswith(f"| `/llm {verb}")]
    options = [option for parameter in VERBS[verb].params for option in parameter.opts]

    assert [name for name in options if name.startswith("--") and f"`{name}`" not in row] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_to_a_file(document):
    targets = [link.partition("#")[0] for link in LINK.findall(document.read_text("utf-8"))]
    files = [target for target in targets if target and "://" not in target]

    assert [target for target in files if not (document.parent / target).exists()] == []


def drawn():
    """Return the paths of the tree in ARCHITECTURE.md, without slashes at their ends."""
    text = ARCHITECTURE.read_text("utf-8").partition("## The tree")[2]
    paths, above = [], []
    for line in text.split("```")[1].splitlines()[1:]:
        depth = (len(line) - len(line.lstrip())) // 2
        above = [*above[:depth], line.split()[0].rstrip("/")]
        paths.append("/".join(above))
    return paths


def test_everything_in_the_tree_exists():
    there = [path for path in drawn() if (ROOT / path).is_dir() or (ROOT / f"{path}.py").is_file()]

    assert there == drawn()


@pytest.mark.parametrize("package", ["bot", "gitops", "sandbox"])
def test_every_module_at_the_top_of_a_package_is_in_the_tree(package):
    folder = ROOT / package
    modules = {f"{package}/{path.stem}" for path in folder.glob("[!_]*.py")}
    packages = {f"{package}/{path.parent.name}" for path in folder.glob("*/__init__.py")}

    assert (modules | packages) - set(drawn()) == set()


@pytest.mark.parametrize("contract", LAYERS, ids=lambda contract: contract["containers"][0])
def test_the_layers_are_those_that_the_contracts_hold(contract):
    line = f"{contract['containers'][0]:8} {' > '.join(contract['layers'])}"

    assert line in ARCHITECTURE.read_text("utf-8").splitlines()


def test_the_guide_answers_every_finding_once_and_in_order():
    page = (ROOT / "docs" / "guide.md").read_text("utf-8")
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)]

    assert numbers == list(range(1, 30))


def rows(heading):
    """Return the words in code marks in the first cells of the table under a heading."""
    page = (ROOT / "docs" / "terminal.md").read_text("utf-8")
    section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0].partition("\n### ")[0]
    cells = re.findall(r"^\| (`[^|]*`) \|", section, re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize(
    ("heading", "kind"), [("llm.yaml", ModelDeployment), ("environment.yaml", Environment)]
)
def test_the_terminal_page_names_every_field_and_no_other(heading, kind):
    fields = [field.encode_name for field in msgspec.structs.fields(kind)]

    assert sorted(rows(heading)) == sorted(fields)


def test_the_terminal_page_names_every_lint_and_no_other():
    assert rows("What check looks at") == [*(lint.id for lint in LINTS), *ACROSS, *OF_SOURCES]


def test_the_terminal_page_names_every_component_and_storage_kind():
    components = [path.name for path in (ROOT / "kustomize" / "components").iterdir()]

    assert sorted(rows("Components")) == sorted(components)
    assert sorted(rows("Storage units")) == sorted(KINDS, key=str)

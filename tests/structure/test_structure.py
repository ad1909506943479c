"""The habits of the house, measured; directions of imports are held by import-linter."""

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    path for package in ("bot", "gitops", "sandbox") for path in (ROOT / package).rglob("*.py")
)
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}
FORBIDDEN = {"utils", "util", "helpers", "common", "core", "manager", "misc", "base"}
PURE = "Pure:"


def functions():
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield path, node, node.end_lineno - node.lineno + 1


def test_the_median_function_has_at_most_eight_lines():
    assert statistics.median(lines for _, _, lines in functions()) <= 8


def test_no_function_is_longer_than_45_lines():
    assert [f"{path.name}:{node.name}" for path, node, lines in functions() if lines > 45] == []


def test_no_file_is_longer_than_300_lines():
    assert [
        str(path.relative_to(ROOT)) for path in MODULES if len(path.read_text().splitlines()) > 300
    ] == []


def test_every_module_opens_by_saying_what_it_is():
    assert [
        str(path.relative_to(ROOT)) for path in MODULES if not ast.get_docstring(TREES[path])
    ] == []


def test_no_module_has_a_name_that_says_nothing():
    assert [str(path.relative_to(ROOT)) for path in MODULES if path.stem in FORBIDDEN] == []


def protocols():
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and "Protocol" in [
                getattr(base, "id", "") for base in node.bases
            ]:
                yield pytest.param(node, id=f"{path.stem}.{node.name}")


@pytest.mark.parametrize("port", [*protocols()])
def test_a_port_has_at_most_five_methods_each_with_its_promise(port):
    methods = [node for node in port.body if isinstance(node, ast.FunctionDef)]

    assert len(methods) <= 5
    assert [method.name for method in methods if not ast.get_docstring(method)] == []


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if (ast.get_docstring(TREES[p]) or "").startswith(PURE)],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_pure_module_reads_no_clock_and_starts_nothing(path):
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in ([*node.names] if isinstance(node, ast.Import) else [ast.alias(node.module)])
    }

    assert imported & {"subprocess", "socket", "threading", "time", "urllib", "requests"} == set()

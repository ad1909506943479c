"""YAML: what Go reads is what we wrote, and what hides or explodes is refused."""

import subprocess

import pytest

from gitops import settings
from gitops.documents import dump, dump_all, load, load_all, load_mapping
from gitops.errors import InvalidRequestError

TRICKY = [
    "y", "n", "Y", "N", "yes", "no", "on", "off", "true", "null", "~", "", " ", "1e3", "5e10",
    "1E3", "1e+3", "08", "09", "0o17", "0o644", "0x10", "1_000", "12:30:45", "2025-01-01",
    "4937e10", "12e4567", ".5", ".inf", ".nan", "nan", "-", "--", "---", "- x", "a: b", "a:b",
    ":a", "# c", "a #b", "key: [", "{x}", "*a", "&a", "!x", "%a", "@b", "`c", "|", ">", "?", "=",
    "<<", "'\"", "a\\b", "a\tb", "line\nbreak", "trailing ", " leading", "測試一下", "😀", "\u202e",
    "\u2028x", "$(X)", "$$(X)", "{{ x }}", "{% for %}", "--model", "../../../x", "52Gi", "-3",
    "+1", "0", "3.14", "1.", "False", "NULL",
]  # fmt: skip


@pytest.mark.parametrize("text", TRICKY)
def test_a_string_comes_back_as_the_same_string(text):
    assert load(dump({"value": text}), "test") == {"value": text}


def test_go_reads_back_every_tricky_string_as_written(tmp_path):
    data = {f"k{number}": text for number, text in enumerate(TRICKY)}
    object_ = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "tricky"},
        "data": data,
    }
    (tmp_path / "map.yaml").write_text(dump(object_), encoding="utf-8")
    (tmp_path / "kustomization.yaml").write_text("resources: [map.yaml]\n")

    built = subprocess.run(
        [settings.kubectl(), "kustomize", str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert load(built.stdout, "the build")["data"] == data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", 1), ("a: -3", -3), ("a: 1.5", 1.5), ("a: true", True), ("a: null", None),
        ("a:", None), ("a: yes", "yes"), ("a: 2025-01-01", "2025-01-01"), ("a: 0x10", "0x10"),
        ("a: 1_000", "1_000"), ("a: 08", "08"),
    ],
)  # fmt: skip
def test_a_bare_word_has_the_type_that_kubernetes_gives_it(text, value):
    assert load(text, "test") == {"a": value}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\na: 2", "stands twice"),
        ("a: &x 1\nb: *x", "anchors and aliases are refused"),
        ("a: &x [1]", "anchors and aliases are refused"),
        ("[" * 10_000, "nesting depth"),
        ("a: " + "{b: " * 120 + "}" * 120, "nested deeper than 100 levels"),
        ("!!python/object:os.system x", "could not determine a constructor"),
        ("\ta: 1", "cannot start any token"),
        ("a: \x00", "control characters are not allowed"),
        ("? [a]\n: b", "is not a string"),
        ("1: 2", "is not a string"),
        ("a: 1\n---\nb: 2", "expected one YAML document, found 2"),
        ("", "expected one YAML document, found 0"),
        ("a" * 1_000_001, "larger than 1000000 bytes"),
        ("a: [1", "while parsing"),
    ],
)
def test_yaml_that_hides_or_explodes_is_refused_in_one_line(text, reason):
    with pytest.raises(InvalidRequestError) as refusal:
        load(text, "llm.yaml")

    assert reason in str(refusal.value)
    assert str(refusal.value).startswith("llm.yaml: ")
    assert "\n" not in str(refusal.value)


def test_a_list_at_the_top_is_no_mapping():
    with pytest.raises(InvalidRequestError, match="expected a mapping"):
        load_mapping("- a", "llm.yaml")


def test_several_documents_come_back_in_order_without_the_empty_ones():
    assert load_all(dump_all([{"a": 1}, {"b": 2}]) + "---\n") == [{"a": 1}, {"b": 2}]


def test_a_shared_value_is_written_out_twice():
    shared = {"x": "1"}

    assert dump({"a": shared, "b": shared}) == 'a:\n  x: "1"\nb:\n  x: "1"\n'

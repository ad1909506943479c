"""The examples in a new repository's roles.yaml and in the handbook are valid as they stand."""

import re
from pathlib import Path

import pytest

from gitops.documents import load_mapping
from gitops.environment import Controller, read_environment
from gitops.roles import NOBODY, Role, read_roles
from gitops.scaffold import Blueprint, scaffold

DOCUMENT = Path(__file__).parents[2] / "docs/roles.md"


def made(path):
    blueprint = Blueprint("llm-gitops", Controller.ARGOCD, "./leadline.whl")
    return scaffold(blueprint, {})[path]


def without_signs(text, first):
    """Take the signs of comment from the example that begins with a line."""
    lines = text.splitlines()
    begin = lines.index(first)
    return "\n".join(line.removeprefix("# ").removeprefix("#") for line in lines[begin:])


def test_the_example_of_a_new_repository_is_valid_without_its_signs_of_comment():
    text = made("roles.yaml")

    assert read_roles(text) == NOBODY
    roles = read_roles(without_signs(text, "# roles:"))
    assert [binding.role for binding in roles.roles] == list(Role)
    assert len(roles.people) == 1


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("# twoPerson: true", "two_person", True),
        ("# production: true", "production", True),
        ("# slack: {channel: C0123456789}", "slack", "C0123456789"),
    ],
)
def test_what_an_environment_may_say_is_valid_without_its_sign_of_comment(line, field, value):
    path = "overlays/staging/environment.yaml"
    text = made(path)
    assert line in text

    found = getattr(read_environment(text.replace(line, line[2:]), path), field)

    assert getattr(found, "channel", found) == value


def test_the_example_of_the_handbook_is_valid_and_its_table_names_every_field():
    text = DOCUMENT.read_text()
    example = re.search(r"```yaml\n(roles:.*?)```", text, re.DOTALL)[1]
    roles = read_roles(example)

    assert {binding.role for binding in roles.roles} == set(Role)
    fields = set(re.findall(r"(?m)^\| `roles\[\]\.(\w+)`", text))
    assert fields == set(type(roles.roles[0]).__struct_fields__)
    assert set(load_mapping(example, "example")) == set(type(roles).__struct_fields__)

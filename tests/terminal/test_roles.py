"""`leadline check` on roles.yaml: what would let nobody, or the wrong ones, do anything."""

import json

import pytest

GOOD = "roles: [{role: approver, users: [U0AAA], environments: [staging]}]\npeople: {U0AAA: bob}\n"


def roles(repository, text):
    (repository.folder / "roles.yaml").write_text(text)


def test_a_file_that_is_right_is_ok(repository):
    roles(repository, GOOD)

    assert repository("check", "--changed-since", "HEAD").out.splitlines() == ["ok roles.yaml"]
    assert "roles.yaml" not in repository("check").out


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("roles: [{role: boss, users: [U0AAA]}]", "Invalid enum value 'boss'"),
        ("roles: [{role: admin, everyone: true}]", "everyone: true gives admin to all"),
        ("people: {U0AAA: bob, U0BBB: Bob}", "login bob stands for two people"),
        ("roles: [{role: viewer, users: [U0AAA], environments: [stagin]}]",
         "viewer names environment stagin; there are: staging"),
        ("roles: [", "roles.yaml"),
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_refused_with_what_is_wrong(repository, text, line):
    roles(repository, text)

    said = repository.attempt("check")

    assert said.code == 1
    [found] = [each for each in said.out.splitlines() if "roles.yaml" in each]
    assert found.startswith("error roles.yaml: roles: roles.yaml")
    assert line in found


def test_an_environment_for_two_people_without_an_approver_is_a_warning(repository):
    path = repository.folder / "overlays/staging/environment.yaml"
    path.write_text(path.read_text() + "twoPerson: true\n")
    roles(repository, "roles: [{role: requester, users: [U0AAA]}]\n")
    line = "warning roles.yaml: roles: roles.yaml: staging wants two people"

    assert line in repository("check").out
    roles(repository, GOOD)
    assert line not in repository("check").out


def test_only_a_change_of_the_file_is_judged_on_a_pull_request(repository):
    roles(repository, "roles: [")
    repository.commit()
    assert "roles.yaml" not in repository("check", "--changed-since", "HEAD").out

    roles(repository, "roles: [[")
    said = repository.attempt("check", "--changed-since", "HEAD", "--format", "github")

    assert said.code == 1
    assert said.out.startswith("::error file=roles.yaml,title=roles::roles.yaml")


def test_places_that_are_named_are_checked_and_nothing_else(repository):
    repository("deploy", "qwen3-32b", "sglang")
    roles(repository, "roles: [")

    assert "roles.yaml" not in repository("check", "overlays").out


def test_machines_get_it_as_a_report(repository):
    roles(repository, "roles: [")

    [report] = json.loads(repository.attempt("check", "--json").out)

    assert report["folder"] == "roles.yaml"
    assert [finding["rule"] for finding in report["findings"]] == ["roles"]

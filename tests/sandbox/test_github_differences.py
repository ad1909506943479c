"""Where the emulators are known to differ from GitHub, and that this is still so.

The words of `differs` stand in the table of docs/sandbox-github.md, which says who is right.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.sandbox.test_github_contract_bench import merged, opened

FOLDER = Path(__file__).parent
DOCUMENT = FOLDER.parents[1] / "docs/sandbox-github.md"


@dataclass(frozen=True)
class Known:
    """What is known of a host.

    `differs` names a test of the contract and what the host does instead; the test must fail
    there. `lacks` names a call that the host does not have, and the tests that make it; they are
    skipped.
    """

    name: str
    differs: Mapping[str, str] = field(default_factory=dict)
    lacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def call_missing_for(self, test):
        return next((call for call, tests in self.lacks.items() if test in tests), None)


EMULATE = Known(
    "emulate 0.12.2",
    differs={
        "test_an_unknown_token_is_a_401": "the default user",
        "test_what_has_not_changed_is_a_304": "no ETag",
        "test_a_ref_is_changed_and_deleted_through_its_own_url": (
            "`…/git/ref/…`: PyGithub's edit and delete get 404"
        ),
        "test_a_ref_that_is_not_there_cannot_be_deleted": "404",
        "test_a_commit_needs_its_tree": "`Invalid tree`",
        "test_a_commit_needs_no_parents": "422",
        "test_one_branch_has_one_open_pull_request": "taken",
        "test_a_pull_request_needs_commits": "taken",
        "test_a_pull_request_needs_its_branch": "taken",
        "test_a_pull_request_knows_its_files": "empty",
        "test_a_pull_request_of_git_data_knows_its_files": "empty",
        "test_a_pull_request_knows_its_commits": "the base's too",
        "test_a_pull_request_follows_its_branch": "stays",
        "test_a_label_with_a_slash_is_taken_off": "404",
        "test_an_author_is_not_asked_for_a_review": "taken",
        "test_nobody_approves_their_own": "taken",
        "test_a_merge_names_the_head_it_means": "422",
        "test_nothing_merges_twice": "422",
        "test_what_was_merged_does_not_open_again": "reopens",
        "test_a_conflict_does_not_merge": "merges",
        "test_a_draft_does_not_merge": "`clean`",
        "test_a_deleted_branch_closes_its_pull_request": "stays open",
        "test_a_webhook_says_what_happened": "missing",
        "test_a_webhook_has_a_guid": "1, 2, 3",
        "test_an_installation_token_may_what_the_installation_may": "may nothing",
        "test_an_installation_token_may_only_what_it_was_given": "`Forbidden`",
        "test_a_merge_waits_for_an_approval": "422",
        "test_a_change_that_waits_for_an_approval_is_blocked": "`clean`",
        "test_a_refused_change_does_not_merge": "merges",
        "test_an_approval_lapses_with_the_next_commit": "stays, and it merges",
    },
    lacks={
        "GET pulls/N/merge": ("test_whether_it_is_merged_can_be_asked",),
        "POST statuses/SHA": (
            "test_a_status_is_shown_with_its_commit",
            "test_a_status_is_one_of_four",
            "test_a_merge_waits_for_its_checks",
        ),
    },
)
MYWORLD = Known(
    "myworld 0.2.1",
    differs={
        "test_what_has_not_changed_is_a_304": "no ETag",
        "test_the_hour_can_be_asked_without_using_it_up": "counted",
        "test_commits_are_listed_by_path_newest_first": "ignored",
        "test_labels_are_added_and_taken_off": "missing: PyGithub cannot label or comment",
        "test_a_label_with_a_slash_is_taken_off": "missing: PyGithub cannot label or comment",
        "test_comments_are_kept": "missing: PyGithub cannot label or comment",
        "test_comments_are_changed": "missing: PyGithub cannot label or comment",
        "test_reviewers_are_asked": "missing",
        "test_a_merge_names_the_head_it_means": "ignored",
        "test_a_deleted_branch_closes_its_pull_request": "stays open",
        "test_an_approval_lapses_with_the_next_commit": "no longer counts, but stays `APPROVED`",
    },
    lacks={
        "POST git/trees": (
            "test_objects_have_the_ids_of_git",
            "test_a_null_sha_takes_a_file_out",
            "test_a_commit_keeps_message_tree_and_parent",
            "test_a_pull_request_of_git_data_knows_its_files",
            "test_a_path_that_git_does_not_take_is_refused",
        ),
        "POST git/commits": (
            "test_a_commit_needs_its_tree",
            "test_a_commit_needs_no_parents",
        ),
        "POST git/blobs": ("test_a_blob_keeps_its_bytes",),
        "DELETE contents/PATH": ("test_a_file_is_removed",),
        "GET compare/BASE...HEAD": ("test_branches_compare",),
        "GET pulls/N/commits": ("test_a_pull_request_knows_its_commits",),
        "GET pulls/N/merge": ("test_whether_it_is_merged_can_be_asked",),
        "GET hooks": (
            "test_a_webhook_is_signed",
            "test_a_webhook_says_what_happened",
            "test_a_webhook_has_a_guid",
            "test_a_push_through_the_api_is_told",
            "test_a_hook_that_was_removed_is_gone",
        ),
        "GET /app": (
            "test_an_app_finds_itself_and_where_it_is_installed",
            "test_an_app_signs_in_with_its_own_key_only",
            "test_an_app_has_no_token_where_it_is_not_installed",
            "test_an_installation_token_lasts_an_hour",
            "test_an_installation_token_reads_the_repository",
            "test_an_installation_token_may_what_the_installation_may",
            "test_an_installation_token_may_only_what_it_was_given",
            "test_an_app_gives_no_token_more_than_its_installation_has",
        ),
    },
)
KNOWN = {"ours": Known("ours"), "emulate": EMULATE, "myworld": MYWORLD}

# How each call that some host lacks is recognised: no host that has it answers 404 or 405.
PROBES = {
    "POST statuses/SHA": lambda host: host.call(f"statuses/{'1' * 40}", "POST", sent={}),
    "POST git/trees": lambda host: host.call("git/trees", "POST", sent={}),
    "POST git/commits": lambda host: host.call("git/commits", "POST", sent={}),
    "POST git/blobs": lambda host: host.call("git/blobs", "POST", sent={"content": "a"}),
    "DELETE contents/PATH": lambda host: host.call("contents/README.md", "DELETE", sent={}),
    "GET compare/BASE...HEAD": lambda host: host.call("compare/main...main"),
    "GET pulls/N/commits": lambda host: host.call(f"pulls/{opened(host).number}/commits"),
    "GET pulls/N/merge": lambda host: host.call(f"pulls/{merged(host).number}/merge"),
    "GET hooks": lambda host: host.call("hooks"),
    "GET /app": lambda host: host.call("/app"),
}


def contract_tests():
    contract = "".join(path.read_text() for path in FOLDER.glob("test_github_contract*.py"))
    return re.findall(r"(?m)^def (test_\w+)", contract)


@pytest.mark.parametrize("call", PROBES)
def test_a_call_is_there_unless_the_table_says_that_it_is_lacking(host, call, request):
    known = KNOWN[request.node.callspec.params["host"]]
    there = PROBES[call](host).status_code not in (404, 405)

    assert there == (call not in known.lacks)


@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
def test_the_table_names_calls_that_are_looked_for_and_tests_of_the_contract(known):
    skipped = {test for tests_of_call in known.lacks.values() for test in tests_of_call}

    assert set(known.lacks) <= set(PROBES)
    assert {*known.differs, *skipped} <= set(contract_tests())
    assert not skipped & set(known.differs)


@pytest.mark.parametrize("column", [2, 3], ids=["emulate", "myworld"])
def test_the_document_lists_every_difference_and_no_other(column):
    known = (EMULATE, MYWORLD)[column - 2]
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith("| ")
    ]
    listed = [row[column] for row in rows if len(row) == 4][1:]
    calls = [row for row in rows if len(row) == 3]
    lacking = [row[0].split("`")[1] for row in calls if row[column - 1] == "lacks it"]

    total, differ = len(contract_tests()), len(known.differs)
    lack = sum(len(tests) for tests in known.lacks.values())
    counts = f"{total - differ - lack} ({differ} differ, {lack} lack a call)"
    assert f"all {total};" in DOCUMENT.read_text()
    assert f"`{known.name.split()[0]}` {counts}" in DOCUMENT.read_text()
    assert set(listed) - {"same", "no such call"} == set(known.differs.values())
    assert set(lacking) == set(known.lacks)

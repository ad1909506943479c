"""Rendered against rendered: by resource, stable, cut by whole resource."""

from gitops.difference import MARKDOWN_LIMIT, as_markdown, as_text, differences


def config(name, **data):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "ns"},
        "data": data,
    }


def test_equal_manifests_in_another_order_differ_in_nothing():
    before, after = [config("a", x="1"), config("b")], [config("b"), config("a", x="1")]

    assert differences(before, after) == []
    assert as_markdown([]) == "No rendered difference.\n"


def test_a_change_shows_the_line_and_its_resource():
    found = differences([config("a", x="1")], [config("a", x="2")])

    assert as_text(found) == (
        "--- a/ConfigMap: ns/a\n"
        "+++ b/ConfigMap: ns/a\n"
        "@@ -4,4 +4,4 @@\n"
        "   name: a\n"
        "   namespace: ns\n"
        " data:\n"
        '-  x: "1"\n'
        '+  x: "2"\n'
    )


def test_new_and_removed_resources_are_whole():
    found = differences([config("a")], [config("b")])

    assert [(diff.title, diff.added, diff.removed) for diff in found] == [
        ("ConfigMap: ns/a", 0, 6),
        ("ConfigMap: ns/b", 6, 0),
    ]


def test_the_hash_of_the_desired_state_is_no_difference():
    before, after = config("a"), config("a")
    before["metadata"]["annotations"] = {"leadline/desired-state": "1"}
    after["metadata"]["annotations"] = {"leadline/desired-state": "2"}

    assert differences([before], [after]) == []


def test_the_values_of_a_secret_are_never_shown():
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"key": "hunter2"}}

    assert "hunter2" not in as_text(differences([], [secret]))


def test_markdown_is_one_fold_a_resource_with_all_names_on_top():
    found = differences([], [config("a", x="1"), config("b", y="````")])

    assert as_markdown(found) == (
        "Rendered manifests: `ConfigMap: ns/a` +7 −0, `ConfigMap: ns/b` +7 −0\n"
        "\n<details><summary>ConfigMap: ns/a</summary>\n\n```diff\n"
        + "\n".join(found[0].lines)
        + "\n```\n\n</details>\n"
        "\n<details><summary>ConfigMap: ns/b</summary>\n\n`````diff\n"
        + "\n".join(found[1].lines)
        + "\n`````\n\n</details>\n"
    )


def test_too_long_a_diff_is_cut_by_whole_resource_and_says_which():
    big, small = config("big", x="x" * MARKDOWN_LIMIT), config("small", x="1")

    text = as_markdown(differences([], [big, small]))

    assert len(text) <= MARKDOWN_LIMIT
    assert "<summary>ConfigMap: ns/small</summary>" in text
    assert "<summary>ConfigMap: ns/big</summary>" not in text
    assert "Left out for length: ConfigMap: ns/big" in text
    assert text.startswith("Rendered manifests: `ConfigMap: ns/big` +7 −0")

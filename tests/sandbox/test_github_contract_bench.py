"""What the GitHub contract's tests share: acts through PyGithub, and refusals taken apart."""

import hashlib
import itertools

import pytest
from github import GithubException, InputGitTreeElement

NUMBERS = itertools.count(1)


def refusal(act):
    with pytest.raises(GithubException) as caught:
        act()
    return caught.value


def said(error):
    """Return status, message and the texts of the errors."""
    errors = error.data.get("errors") or []
    texts = [one if isinstance(one, str) else one.get("message", "") for one in errors]
    return error.status, " ".join([error.data["message"], *texts])


def new_name():
    return f"llm/prod/m{next(NUMBERS)}"


def blob_id(content):
    data = content.encode()
    return hashlib.sha1(b"blob %d\0%b" % (len(data), data)).hexdigest()  # noqa: S324 - git's own


def branched(host, content="name: x\n"):
    """Make a branch with one more file, through the contents API; return its name."""
    repository, name = host.repo(), new_name()
    repository.create_git_ref(f"refs/heads/{name}", repository.get_branch("main").commit.sha)
    path = f"overlays/{name}.yaml"
    repository.create_file(path, "Deploy.", content, branch=name)
    return name


def opened(host, branch=None, **more):
    branch = branch or branched(host)
    return host.repo().create_pull("main", branch, title="Deploy", body="by alice", **more)


def merged(host):
    pull = opened(host)
    pull.merge()
    return pull


def committed(host, **files):
    """Make a branch as the product does: one tree, one commit, one ref."""
    repository, name = host.repo(), new_name()
    base = repository.get_commit("main")
    lines = [InputGitTreeElement(p, "100644", "blob", content=c) for p, c in files.items()]
    tree = repository.create_git_tree(lines, base.commit.tree)
    commit = repository.create_git_commit("Deploy.", tree, [base.commit])
    repository.create_git_ref(f"refs/heads/{name}", commit.sha)
    return name


def ref_of(repository, name):
    found = repository.get_git_ref(f"heads/{name}")
    found.complete()
    return found

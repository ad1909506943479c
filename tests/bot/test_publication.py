"""How `work` keeps publishing main, whatever goes wrong with one reading of it."""

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bot.desired import Main, Mirror
from bot.errors import DesiredUnknownError
from bot.wiring.work import _refresh
from gitops.forge import Revision
from sandbox.clock import Time

AT = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass
class Given:
    """A source of main that answers in turn; an error is raised."""

    answers: list[Main | Exception]
    asked: list[str] = field(default_factory=list)

    def read(self, known):
        self.asked.append(known)
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def main(commit, text=""):
    return Main(Revision(commit, "t"), AT, {"roles.yaml": text})


class OverError(Exception):
    """The test has seen enough."""


def test_an_error_that_is_none_of_ours_is_logged_whole_and_main_is_read_on(caplog):
    source, beats = Given([RuntimeError("odd"), main("c1")]), []
    mirror = Mirror(source)

    def beat():
        beats.append(mirror.known())
        if len(beats) == 5:
            raise OverError

    with pytest.raises(OverError):
        _refresh(mirror, Time(rate=1_000), beat)

    assert "RuntimeError: odd" in caplog.text
    assert len(source.asked) == 2
    assert [known and known.revision.commit for known in beats] == [None] * 4 + ["c1"]


def test_main_that_cannot_be_laid_out_is_unknown_until_it_can(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    mirror = Mirror(Given([main("c1"), main("c1"), main("c2", "\ud800"), main("c2")]))

    with pytest.raises(DesiredUnknownError, match=r"laying main out as files: .*; does TMPDIR"):
        mirror.desired()
    (tmp_path / "tmp").mkdir()
    assert mirror.desired().revision.commit == "c1"
    with pytest.raises(DesiredUnknownError, match=r"laying main out as files: .*surrogates"):
        mirror.desired()
    assert mirror.desired().revision.commit == "c2"

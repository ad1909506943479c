"""Temporary folders: one a process, removed by it, or by the next one when it was killed."""

import os
import subprocess
import sys

import pytest

from bot import scratch
from sandbox.leadline import running
from sandbox.worlds import sandbox
from tests.engine.raw import until

ENTER = """
import sys, pathlib
from bot import scratch
own = scratch.enter(pathlib.Path(sys.argv[1]))
(own.path / "file").write_text("main")
print(own.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Give another process that has its folder below `tmp_path`."""
    command = [sys.executable, "-c", ENTER, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        process.folder = process.stdout.readline().strip()
        yield process
        process.kill()


def folders(tmp_path):
    return sorted(str(folder) for folder in tmp_path.glob("leadline-*/*"))


def test_a_folder_goes_with_its_process(tmp_path):
    own = scratch.enter(tmp_path)
    (own.path / "overlays").mkdir()

    assert folders(tmp_path) == [str(own.path)]
    assert own.path.parent.stat().st_mode & 0o777 == 0o700
    own.leave()
    assert folders(tmp_path) == []


def test_the_folder_of_a_process_that_runs_is_left_alone_and_of_a_killed_one_removed(
    tmp_path, other
):
    first = scratch.enter(tmp_path)
    assert folders(tmp_path) == sorted([other.folder, str(first.path)])

    other.kill()
    other.wait()
    second = scratch.enter(tmp_path)

    assert folders(tmp_path) == sorted([str(first.path), str(second.path)])
    first.leave()
    second.leave()


@pytest.mark.parametrize(("age", "stays"), [(10, True), (100, False)])
def test_a_folder_that_a_process_died_while_making_is_removed_later(tmp_path, age, stays):
    scratch.enter(tmp_path).leave()
    [parent] = tmp_path.iterdir()
    unfinished = parent / "new-abc"
    unfinished.mkdir()
    now = unfinished.stat().st_mtime
    os.utime(unfinished, (now - age, now - age))
    scratch.enter(tmp_path).leave()

    assert unfinished.exists() is stays


def test_a_folder_that_was_removed_in_part_goes_for_good(tmp_path):
    scratch.enter(tmp_path).leave()
    [parent] = tmp_path.iterdir()
    (parent / "process-abc" / "overlays").mkdir(parents=True)
    scratch.enter(tmp_path).leave()

    assert folders(tmp_path) == []


def test_what_cannot_be_removed_stays_and_keeps_nothing_else_from_being_removed(tmp_path, caplog):
    scratch.enter(tmp_path).leave()
    [parent] = tmp_path.iterdir()
    stray = parent / "process-a"
    stray.write_text("no folder")
    (parent / "process-b").mkdir()

    own = scratch.enter(tmp_path)

    assert folders(tmp_path) == sorted([str(stray), str(own.path)])
    assert f"left over folder={stray}" in caplog.text
    own.leave()


def test_without_a_place_a_process_goes_on_and_says_so(tmp_path, caplog):
    (tmp_path / f"leadline-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()

    assert scratch.enter(tmp_path) is None
    assert scratch.enter(tmp_path / "missing") is None
    assert caplog.text.count("set TMPDIR to one that can be written") == 2
    assert list((tmp_path / "elsewhere").iterdir()) == []


def laid_out(place):
    return list(place.glob("leadline-*/process-*/leadline-main-*/overlays/example"))


def test_a_worker_lays_main_out_in_its_folder_and_leaves_nothing_on_sigterm(tmp_path):
    place = tmp_path / "tmp"
    place.mkdir()
    with sandbox(tmp_path, 1.0) as worlds:
        worlds.environment["TMPDIR"] = str(place)
        with running(worlds, "work") as leadline:
            [first] = laid_out(place)
            leadline.kill("work")
            assert first.exists()
            leadline.start("work")

            assert until(lambda: laid_out(place), 5) is not None
            assert not first.exists()
    assert list(place.glob("**/leadline-main-*")) == []
    assert folders(place) == []

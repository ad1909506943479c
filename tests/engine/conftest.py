"""The engines of the contract: the sandbox's always, real vLLM when `make test-engine` asks."""

from contextlib import contextmanager

import pytest

from tests.engine import raw, sides
from tests.engine.vllm_cpu import launch

SIDES = ["sandbox", *(["vllm"] if launch.installed() else [])]
FACTS = pytest.StashKey[list]()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    return launch.make_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session", params=SIDES)
def engine(request, tmp_path_factory):
    """One engine with a reasoning parser and an API key."""
    words = (*sides.PARSER, "--api-key", sides.KEY)
    if request.param == "sandbox":
        with sides.sandboxed(*words) as (address, *_):
            yield raw.Side(address, host=sides.HOST, key=sides.KEY)
        return
    model = request.getfixturevalue("tiny_model")
    with launch.single(model, tmp_path_factory.mktemp("single"), *words) as process:
        note(request.config, "one process", process)
        yield raw.Side(f"127.0.0.1:{process.port}", key=sides.KEY)


@pytest.fixture(scope="session", params=SIDES)
def start_group(request, tmp_path_factory):
    """Give a way to start an engine over two pods or processes, open and without a parser."""

    @contextmanager
    def start():
        if request.param == "sandbox":
            with sides.sandboxed(size=2) as (address, engine, before):

                def kill():
                    engine.fault("qwen", "dead_worker")

                yield sides.Group(address, kill, before, host=sides.HOST)
            return
        model = request.getfixturevalue("tiny_model")
        with launch.pair(model, tmp_path_factory.mktemp("pair")) as process:
            note(request.config, "leader and worker", process)
            address = f"127.0.0.1:{process.port}"
            yield sides.Group(address, process.worker.kill, process.before)

    return start


def note(config, what, process):
    """Keep what a real engine said of itself, for the end of the run."""
    said = "; ".join(process.facts())
    line = f"{what}: serving after {process.seconds:.0f} s, {said}"
    config.stash.setdefault(FACTS, []).append(line)


def pytest_terminal_summary(terminalreporter, config):
    """Say how the real engines started."""
    for line in config.stash.get(FACTS, []):
        terminalreporter.write_line(line)

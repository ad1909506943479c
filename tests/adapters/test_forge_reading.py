"""Reading main where a tree is too large for one answer, from a server that cuts every answer."""

import json

import pytest
from werkzeug.wrappers import Request, Response

from gitops.github import GithubForge
from sandbox.faults import Faults
from sandbox.serving import World, serving
from tests.adapters.test_forge_bench import FOLDER, Stage

FILES = {
    f"{FOLDER}/llm.yaml": "x: 1\n",
    f"{FOLDER}/custom/kustomization.yaml": "y: 1\n",
    "overlays/example/other/llm.yaml": "z: 1\n",
}


def cut(whole: Response, most: int) -> Response:
    """Cut a recursive tree to a number of entries, as GitHub does beyond its limits."""
    found = json.loads(whole.get_data())
    found |= {"truncated": len(found["tree"]) > most, "tree": found["tree"][:most]}
    return Response(json.dumps(found), mimetype="application/json")


@pytest.fixture(params=[1, 2, 3])
def stage(request, tmp_path):
    made = Stage(tmp_path)

    def answer(asked: Request) -> Response:
        whole = made.github.answer(asked)
        return cut(whole, request.param) if "recursive" in asked.args else whole

    world = made.github.world()
    with serving(World(world.name, world.call_of, answer), Faults()) as server:
        made.url = server.url
        made.github.push("main", FILES, "More.", "bob")
        yield made


def test_a_folder_is_found_step_by_step(stage):
    forge = GithubForge.connect(stage.settings(), stage.clock, stage.budget)

    found = {path: text for path, text in FILES.items() if path.startswith(f"{FOLDER}/")}
    assert forge.files(FOLDER) == found
    assert forge.files(f"{FOLDER}/custom/deeper") == {}


def test_the_whole_repository_is_read_folder_by_folder(stage):
    assert stage.forge().files("") == FILES | {"README.md": "Ours.\n"}

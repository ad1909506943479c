"""The control API: how tests and the story drive the time, the faults and the people.

GET  /clock                      {"now", "monotonic"}
POST /clock/sleep  {"seconds"}   waits (20 s at most a call), answers {"remaining"}
POST /clock/advance {"seconds"}
GET  /journal?since=N            what the servers received, in order
POST /faults {"world", "call", "moment", "act", "nth", "times", "status"}   answers {"fault": K}
GET  /faults/K?wait=SECONDS      {"reached"}: waits until the call came
POST /faults/K/release           lets a held call go
GET  /state/WORLD                what a world holds now
POST /acts/NAME {...}            an act of people or of fate: type, merge, kill …
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from sandbox.clock import Time
from sandbox.faults import Fault, Faults
from sandbox.journal import Journal
from sandbox.serving import World

_SLICE = 20.0  # real seconds one /clock/sleep may take, well inside the client's read timeout

_ROUTES = Map(
    [
        Rule("/clock", endpoint="clock", methods=["GET"]),
        Rule("/clock/sleep", endpoint="sleep", methods=["POST"]),
        Rule("/clock/advance", endpoint="advance", methods=["POST"]),
        Rule("/journal", endpoint="journal", methods=["GET"]),
        Rule("/faults", endpoint="arm", methods=["POST"]),
        Rule("/faults/<int:number>", endpoint="reached", methods=["GET"]),
        Rule("/faults/<int:number>/release", endpoint="release", methods=["POST"]),
        Rule("/state/<world>", endpoint="state", methods=["GET"]),
        Rule("/acts/<act>", endpoint="act", methods=["POST"]),
    ]
)


@dataclass(frozen=True, slots=True)
class Control:
    """The five things the control API reaches."""

    time: Time
    journal: Journal
    faults: Faults
    states: Mapping[str, Callable[[], object]]
    acts: Mapping[str, Callable[..., object]]

    def world(self) -> World:
        """Return the server of this control API."""
        return World("control", lambda request: f"{request.method} {request.path}", self.answer)

    def answer(self, request: Request) -> Response:
        """Answer one request; an unknown path is a 404."""
        try:
            endpoint, values = _ROUTES.bind_to_environ(request.environ).match()
            result = getattr(self, f"_{endpoint}")(request, **values)
        except HTTPException as error:
            return Response(json.dumps({"message": str(error)}), error.code, mimetype=_JSON)
        except (TypeError, ValueError, KeyError, IndexError) as error:  # the caller's words
            return Response(json.dumps({"message": repr(error)}), 400, mimetype=_JSON)
        return Response(json.dumps(result, ensure_ascii=False), mimetype=_JSON)

    def _clock(self, request: Request) -> object:  # noqa: ARG002 - one signature for all routes
        return {"now": self.time.now().isoformat(), "monotonic": self.time.monotonic()}

    def _sleep(self, request: Request) -> object:
        return {"remaining": self.time.wait(float(_body(request)["seconds"]), _SLICE)}

    def _advance(self, request: Request) -> object:
        self.time.advance(float(_body(request)["seconds"]))
        return self._clock(request)

    def _journal(self, request: Request) -> object:
        since = request.args.get("since", 0, int)
        return [entry.as_json() for entry in self.journal.entries(since)]

    def _arm(self, request: Request) -> object:
        return {"fault": self.faults.arm(Fault(**_body(request)))}

    def _reached(self, request: Request, number: int) -> object:
        wait = request.args.get("wait", 0.0, float)
        return {"reached": self.faults[number].reached.wait(wait)}

    def _release(self, request: Request, number: int) -> object:  # noqa: ARG002 - as above
        self.faults[number].released.set()
        return {}

    def _state(self, request: Request, world: str) -> object:  # noqa: ARG002 - as above
        if world not in self.states:
            raise NotFound(f"no world {world}; there are {', '.join(sorted(self.states))}")
        return self.states[world]()

    def _act(self, request: Request, act: str) -> object:
        if act not in self.acts:
            raise NotFound(f"no act {act}; there are {', '.join(sorted(self.acts))}")
        return self.acts[act](**_body(request))


_JSON = "application/json"


def _body(request: Request) -> dict[str, Any]:
    return dict(json.loads(request.get_data() or b"{}"))

"""The control API: how tests, stories and people drive the time, the faults and the acts.

GET  /                           what this sandbox is: addresses, files, acts, worlds, calls
GET  /clock                      {"now", "monotonic", "rate"}
POST /clock/sleep  {"seconds"}   waits (20 s at most a call), answers {"remaining"}
POST /clock/advance {"seconds"}
GET  /journal?since=N            what the servers received, in order
POST /faults {"world", "call", "moment", "act", "nth", "times", "status"}   answers {"fault": K}
GET  /faults/K?wait=SECONDS      {"reached"}: waits until the call came
POST /faults/K/release           lets a held call go
GET  /state/WORLD                what a world holds now
GET  /acts                       the acts with their words and types
POST /acts/NAME {...}            an act of people or of fate: type, merge, kill …

`GET /` is also the place for a later page that shows it all.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from werkzeug.exceptions import BadRequest, HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from sandbox.acting import Act
from sandbox.clock import Time
from sandbox.faults import Fault, Faults
from sandbox.journal import Journal
from sandbox.serving import World

_SLICE = 20.0  # real seconds one call may wait, well inside a client's read timeout

_ROUTES = Map(
    [
        Rule("/", endpoint="root", methods=["GET"]),
        Rule("/clock", endpoint="clock", methods=["GET"]),
        Rule("/clock/sleep", endpoint="sleep", methods=["POST"]),
        Rule("/clock/advance", endpoint="advance", methods=["POST"]),
        Rule("/journal", endpoint="journal", methods=["GET"]),
        Rule("/faults", endpoint="arm", methods=["POST"]),
        Rule("/faults/<int:number>", endpoint="reached", methods=["GET"]),
        Rule("/faults/<int:number>/release", endpoint="release", methods=["POST"]),
        Rule("/state/<world>", endpoint="state", methods=["GET"]),
        Rule("/acts", endpoint="acts", methods=["GET"]),
        Rule("/acts/<act>", endpoint="act", methods=["POST"]),
    ]
)


@dataclass(frozen=True, slots=True)
class Control:
    """What the control API reaches; `about` is what `GET /` says of the addresses."""

    time: Time
    journal: Journal
    faults: Faults
    states: Mapping[str, Callable[[], object]]
    acts: Mapping[str, Act]
    about: Mapping[str, object]

    def world(self) -> World:
        """Return the server of this control API."""
        return World("control", lambda request: f"{request.method} {request.path}", self.answer)

    def answer(self, request: Request) -> Response:
        """Answer one request: 404 for what is not there, 400 for a wrong body, 409 if refused."""
        try:
            endpoint, values = _ROUTES.bind_to_environ(request.environ).match()
            result = getattr(self, f"_{endpoint}")(request, **values)
        except HTTPException as error:
            message = error.description or error.name
            return Response(json.dumps({"message": message}), error.code, mimetype=_JSON)
        return Response(msgspec.json.encode(result), mimetype=_JSON)

    def _root(self, request: Request) -> object:
        return {
            **self.about,
            "clock": self._clock(request),
            "states": sorted(self.states),
            "acts": self._acts(request),
            "calls": sorted(f"{', '.join(sorted(_verbs(rule)))} {rule}" for rule in _RULES),
        }

    def _clock(self, request: Request) -> object:  # noqa: ARG002 - one signature for all routes
        time = self.time
        return {"now": time.now().isoformat(), "monotonic": time.monotonic(), "rate": time.rate}

    def _sleep(self, request: Request) -> object:
        def sleep(seconds: float) -> float:
            return self.time.wait(seconds, _SLICE)

        return {"remaining": Act.of(sleep).perform(_body(request))}

    def _advance(self, request: Request) -> object:
        Act.of(self.time.advance).perform(_body(request))
        return self._clock(request)

    def _journal(self, request: Request) -> object:
        since = request.args.get("since", 0, int)
        return [entry.as_json() for entry in self.journal.entries(since)]

    def _arm(self, request: Request) -> object:
        return {"fault": Act.of(self.faults.add).perform(_body(request))}

    def _reached(self, request: Request, number: int) -> object:
        wait = min(request.args.get("wait", 0.0, float), _SLICE)
        return {"reached": self._fault(number).reached.wait(wait)}

    def _release(self, request: Request, number: int) -> object:  # noqa: ARG002 - as above
        self._fault(number).released.set()
        return {}

    def _fault(self, number: int) -> Fault:
        try:
            return self.faults[number]
        except IndexError as error:
            raise NotFound(f"no fault {number}; POST /faults makes one") from error

    def _state(self, request: Request, world: str) -> object:  # noqa: ARG002 - as above
        if world not in self.states:
            raise NotFound(f"no world {world}; there are {', '.join(sorted(self.states))}")
        return self.states[world]()

    def _acts(self, request: Request) -> object:  # noqa: ARG002 - as above
        return {name: act.signature() for name, act in sorted(self.acts.items())}

    def _act(self, request: Request, act: str) -> object:
        if act not in self.acts:
            raise NotFound(f"no act {act}; there are {', '.join(sorted(self.acts))}")
        return self.acts[act].perform(_body(request))


_JSON = "application/json"
_RULES = list(_ROUTES.iter_rules())


def _verbs(rule: Rule) -> set[str]:
    return set(rule.methods or ()) - {"HEAD", "OPTIONS"}


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be one JSON object")
    return body

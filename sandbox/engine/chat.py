"""Chat completions with their time: a seat, a first token, the next ones, and what goes wrong.

Sources: vLLM 0.32.0 and SGLang 0.4.10.post2 as observed: a caller who hangs up frees the slot;
an engine that dies under a stream ends it with an error object.
"""

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from werkzeug.wrappers import Request, Response

from sandbox.clock import Time
from sandbox.cluster.objects import Object
from sandbox.engine.callers import Caller
from sandbox.engine.complaints import Complaint, died
from sandbox.engine.completions import Answer, complete
from sandbox.engine.dying import NOTICED, Dying, life
from sandbox.engine.meter import Meter
from sandbox.engine.profile import Profile
from sandbox.engine.sampling import parsed
from sandbox.engine.shapes import DONE, Piece, event, pieces, whole
from sandbox.engine.speech import Pace
from sandbox.engine.spoiling import SLOW, Spoiler
from sandbox.engine.troubles import EngineFault, EngineFaults
from sandbox.faults import HungUp

_JSON = "application/json"
_EVENTS = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Visit:
    """One call that has reached a pod; `fault` is what strikes it."""

    host: str
    pod: Object
    profile: Profile
    caller: Caller
    fault: EngineFault | None


class Chat:
    """The chat completions of all engines, each with a meter of its own."""

    def __init__(
        self, time: Time, faults: EngineFaults, dying: Dying, alive: Callable[[Visit], bool]
    ) -> None:
        self.pace = Pace()
        self._time = time
        self._faults = faults
        self._dying = dying
        self._alive = alive
        self._lock = threading.Lock()
        self._meters: dict[str, Meter] = defaultdict(Meter)

    def meter(self, pod: Object) -> Meter:
        """Return the counts of a pod's engine since it started."""
        with self._lock:
            return self._meters[life(pod)]

    def answer(self, visit: Visit, request: Request) -> Response:
        """Answer one question, or say what is wrong with it."""
        spoiler = self._spoiler(visit)
        if spoiler and (other := spoiler.instead()):
            return other
        body: Object = {}
        try:
            body = parsed(request.get_data(), request.content_type or "", visit.profile)
            answer = complete(body, visit.profile, int(self._time.now().timestamp()))
            return self._begun(visit, answer, spoiler)
        except Complaint as complaint:
            return _refused(complaint, visit.profile, streams=body.get("stream") is True)

    def _begun(self, visit: Visit, answer: Answer, spoiler: Spoiler | None) -> Response:
        more = spoiler.headers() if spoiler else {}
        if not answer.sampling.stream:
            body = self._whole(visit, answer)
            body = spoiler.body(body) if spoiler else body
            return Response(body, mimetype=_JSON, headers=more)
        lines = pieces(answer, visit.profile)
        lines = spoiler.stream(lines) if spoiler else lines
        return Response(self._stream(visit, answer, lines), content_type=_EVENTS, headers=more)

    def _stream(self, visit: Visit, answer: Answer, lines: Iterator[Piece]) -> Iterator[bytes]:
        meter, begun = self.meter(visit.pod), self._time.monotonic()
        with meter.seat(visit.profile, answer.prompt_tokens, visit.caller.stay):
            try:
                yield from self._spoken(visit, lines, meter, begun)
            except Complaint as complaint:  # the engine died; the stream has begun
                yield event(complaint.event(visit.profile))
                yield DONE

    def _spoken(
        self, visit: Visit, lines: Iterator[Piece], meter: Meter, begun: float
    ) -> Iterator[bytes]:
        visit.caller.wait(self.pace.first)
        first = True
        for line, counts in lines:
            if counts:
                visit.caller.wait(self._token_time(visit))
                meter.token()
                if first:
                    meter.first(self._time.monotonic() - begun)
                first = False
            self._check(visit)
            if line:
                yield line

    def _whole(self, visit: Visit, answer: Answer) -> bytes:
        meter, begun = self.meter(visit.pod), self._time.monotonic()
        with meter.seat(visit.profile, answer.prompt_tokens, visit.caller.stay):
            visit.caller.wait(self.pace.first)
            self._check(visit)
            meter.first(self._time.monotonic() - begun)
            for _ in range(answer.emitted):
                visit.caller.wait(self._token_time(visit))
                meter.token()
            self._check(visit)
        return _json(whole(answer, visit.profile))

    def _check(self, visit: Visit) -> None:
        """Raise HungUp if nobody is there any more, a Complaint if the engine dies."""
        visit.caller.stay()
        if self._dying.failed(visit.pod):
            raise died()
        if self._dying.doomed(visit.pod):
            visit.caller.wait(NOTICED)
            if visit.profile.vllm:
                self._dying.fail(visit.pod)
                raise died()
        if not self._alive(visit):
            raise HungUp(visit.host)

    def _token_time(self, visit: Visit) -> float:
        slow = visit.fault is not None and visit.fault.kind == "slow"
        return SLOW if slow else self.pace.token

    def _spoiler(self, visit: Visit) -> Spoiler | None:
        if (fault := visit.fault) is None:
            return None
        return Spoiler(fault, visit.profile, visit.caller, lambda: self._faults.healed(fault))


def _refused(complaint: Complaint, profile: Profile, *, streams: bool) -> Response:
    if complaint.late and streams and not profile.vllm:
        return Response(event(complaint.event(profile)) + DONE, content_type=_EVENTS)
    return Response(_json(complaint.body(profile)), complaint.code, mimetype=_JSON)


def _json(body: Object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()

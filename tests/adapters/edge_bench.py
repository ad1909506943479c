"""Slack's edge on a bench: the real bolt app before the sandbox's Slack, and a Redis to look into.

No worker runs: what the edge has done is what stands in the queue and on people's screens.
"""

import contextlib
import threading
from dataclasses import dataclass, field

import msgspec

from bot.audit import Entry
from bot.chat import Place
from bot.desired import FromSnapshot, Main, Mirror
from bot.notice import Card
from bot.settings import SlackSettings
from bot.slack.client import SlackChat
from bot.slack.desk import Desk
from bot.slack.directory import SlackDirectory
from bot.slack.fairness import Fairness
from bot.slack.listeners import Edge
from bot.slack.seal import Seal
from bot.slack.server import PATH, over_http, over_socket
from bot.store import Job, Lane
from bot.store.audit import RedisAudit
from bot.store.connection import EDGE, WORKER, connect
from bot.store.queue import RedisQueue, stream
from bot.store.redis import RedisStore
from bot.store.shared import RedisShared
from bot.web import by_path, serve
from gitops import assets
from gitops.catalog import Catalog
from gitops.engine import Engine
from gitops.environment import Environment
from gitops.forge import Revision
from gitops.overlay import render
from gitops.request import DeployRequest
from gitops.resolve import resolve
from sandbox.clock import Time
from sandbox.faults import Faults
from sandbox.journal import Journal
from sandbox.redis import serving_redis
from sandbox.serving import serving
from sandbox.slack.records import Channel, Team
from sandbox.slack.settings import AppSettings
from sandbox.slack.workspace import Workspace

ALICE, BOB, EVE = "U0ALICE", "U0BOB", "U0EVE"
OPS, AWAY = "C0OPS", "C0AWAY"
GROUP = "S0VIEWERS"
TEAM = Team(
    bot_token="xoxb-bench",
    signing_secret="bench-secret",
    app_token="xapp-bench",
    people={ALICE: "alice", BOB: "bob", EVE: "eve"},
    groups={GROUP: (BOB,)},
    channels={OPS: Channel("ops"), AWAY: Channel("away", is_member=False)},
)
ROLES = f"""people: {{{ALICE}: alice, {BOB}: bob}}
roles:
  - {{role: requester, users: [{ALICE}]}}
  - {{role: viewer, groups: [{GROUP}]}}
"""
ENVIRONMENT = f"""name: example
pools: [{{name: l20, gpu: l20, nodes: 4}}]
claims: [llm-model]
slack: {{channel: {OPS}}}
"""
CARD = Card(
    name="m1", environment="example", model="qwen3-32b", engine="sglang 0.5.2",
    shape="1x(2x1 GPU)", parallel="TP 2", gpus=2, pull_number=7, pull_url="https://git.example/7",
    requested_by=ALICE, phase="serving",
)  # fmt: skip


def files(roles=ROLES):
    """Return main as `leadline work` would publish it: one environment with one deployment, m1."""
    request = DeployRequest("qwen3-32b", Engine.SGLANG, "m1")
    deployment = resolve(request, Environment(name="example"), Catalog.load())
    root = assets.root()
    bases = [file for file in (root / "kustomize").rglob("*") if file.is_file()]
    return {
        **{f.relative_to(root).as_posix(): f.read_text(encoding="utf-8") for f in bases},
        "roles.yaml": roles,
        "overlays/example/environment.yaml": ENVIRONMENT,
        **render(deployment).all_files,
    }


@dataclass
class Bench:
    """Everything the edge touches. `cancelled` are the keys of answers that were cancelled."""

    time: Time
    journal: Journal
    faults: Faults
    slack: Workspace
    settings: SlackSettings
    redis_url: str
    plain: bool = False
    cancelled: list = field(default_factory=list)

    @property
    def shared(self):
        return RedisShared(connect(self.redis_url, EDGE))

    @property
    def chat(self):
        return SlackChat.connect(self.settings, self.time)

    def publish(self, commit="c1", roles=ROLES):
        self.shared.publish(Main(Revision(commit, "tree"), self.time.now(), files(roles)))

    def jobs(self, lane=Lane.CHANGE):
        """Return the jobs of a lane, oldest first."""
        entries = connect(self.redis_url, WORKER).xrange(stream(lane))
        return [msgspec.json.decode(fields["job"], type=Job) for _, fields in entries]

    def forget_jobs(self):
        connect(self.redis_url, WORKER).delete(*(stream(lane) for lane in Lane))

    def texts(self, lane=Lane.CHANGE):
        return [job.text for job in self.jobs(lane)]

    def card(self, channel=OPS):
        """Post a card with its buttons; return its time stamp."""
        return self.chat.post(Place(channel), "card:1", CARD)

    def view(self):
        """Return the modal that stands on a screen."""
        [view] = self.slack.state()["views"]
        return view

    def audited(self):
        """Return the entries of the audit log, oldest first."""
        entries = connect(self.redis_url, WORKER).xrange("leadline:audit")
        return [msgspec.json.decode(fields["entry"], type=Entry) for _, fields in entries]

    def heard(self, call):
        return [e.detail for e in self.journal.entries() if e.call == call]

    def edge(self):
        directory = SlackDirectory.connect(self.settings, self.time, hasty=True)
        store = RedisStore.connect(self.redis_url, EDGE)
        desk = Desk(Mirror(FromSnapshot(self.shared, self.time)), directory, store, "example")
        queue = RedisQueue.connect(self.redis_url)
        proposals = store.proposals if self.plain else None
        audit = RedisAudit(connect(self.redis_url, EDGE))
        seal = Seal.of(self.settings.token)
        fair = Fairness(self.time)
        return Edge(
            queue,
            desk,
            self.cancelled.append,
            self.time,
            seal,
            audit,
            fair,
            proposals,
            store.message,
        )


@contextlib.contextmanager
def bench(mode, team=TEAM, events=("app_mention",), redis_url="", *, plain=False):
    """Run the edge over HTTP or Socket Mode; with `redis_url` over a Redis of the caller's."""
    time, journal, faults = Time(rate=0), Journal(), Faults()
    slack = Workspace(time, journal, team)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serving(slack.world(), faults))
        slack.base_url = server.url
        slack.start()
        stack.callback(slack.stop)
        stack.callback(faults.release_all)
        settings = SlackSettings(
            team.bot_token, team.signing_secret, f"{server.url}/api/", app_token=team.app_token
        )
        made = Bench(
            time, journal, faults, slack, settings,
            redis_url or stack.enter_context(serving_redis()), plain,
        )  # fmt: skip
        if not redis_url:
            made.publish()
        run = _over_http if mode == "http" else _over_socket
        stack.enter_context(run(made, frozenset(events)))
        yield made


@contextlib.contextmanager
def _over_http(made, events):
    stop, opened, ports = threading.Event(), threading.Event(), []

    def ready(port):
        ports.append(port)
        opened.set()

    app = by_path({PATH: over_http(made.settings, made.edge(), made.time)})
    args = (app, "127.0.0.1", 0, ready, stop)
    thread = threading.Thread(target=serve, args=args)
    thread.start()
    assert opened.wait(10)
    url = f"http://127.0.0.1:{ports[0]}{PATH}"
    made.slack.configure(AppSettings(request_url=url, events=events))
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


@contextlib.contextmanager
def _over_socket(made, events):
    stop = threading.Event()
    made.slack.configure(AppSettings(socket_mode=True, events=events))
    thread = threading.Thread(target=over_socket, args=(made.settings, made.edge(), stop))
    thread.start()
    assert made.journal.wait(lambda entry: entry.call == "socket.opened")
    try:
        yield
    finally:
        stop.set()
        thread.join(15)  # slack-sdk lets go when a reading of three seconds ends

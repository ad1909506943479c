"""What the agent tests share: a Git repository, a cluster and an agent, by a clock that stands."""

import json
import subprocess
from contextlib import contextmanager

from sandbox.agent import Agent
from sandbox.clock import Time
from sandbox.cluster import Cluster, Speeds
from sandbox.faults import Faults
from sandbox.journal import Journal
from sandbox.serving import serving
from tests.sandbox.test_cluster_bench import kubectl, lws

TOKENS = {"reader": "read", "writer": "write", "": "write"}
PRUNE_DISABLED = {"kustomize.toolkit.fluxcd.io/prune": "disabled"}
PRUNE_FALSE = {"argocd.argoproj.io/sync-options": "Prune=false,Delete=false"}
QWEN = "/apis/leaderworkerset.x-k8s.io/v1/namespaces/default/leaderworkersets/qwen"
LLAMA = QWEN.replace("qwen", "llama")


class Repository:
    """A bare Git repository, and the working copy that is pushed to it."""

    def __init__(self, path):
        self.path = path / "gitops.git"
        self.copy = path / "copy"
        self._git(path, "init", "-q", "--bare", "-b", "main", self.path)
        self._git(path, "clone", "-q", self.path, self.copy)

    def _git(self, folder, *words):
        command = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, files):
        for name, content in files.items():
            target = self.copy / name
            if content is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content if isinstance(content, str) else json.dumps(content))
        self._git(self.copy, "add", "-A")
        self._git(self.copy, "commit", "-q", "-m", "work")
        self._git(self.copy, "push", "-q", "origin", "HEAD:main")
        return self.head()

    def head(self):
        return self._git(self.copy, "rev-parse", "HEAD")


class Setting:
    """An agent between a repository and a cluster; nothing moves but what a test moves."""

    def __init__(self, path, settings):
        self.folder = path
        self.time, self.journal, self.faults = Time(rate=0), Journal(), Faults()
        speeds = Speeds(load=5)
        self.cluster = Cluster(self.time, self.journal, tokens=TOKENS, speeds=speeds)
        self.repository = Repository(path)
        self.settings = settings

    @contextmanager
    def served(self):
        with serving(self.cluster.world(), self.faults) as server:
            self.url = server.url
            self.agent = self.made(self.settings)
            yield self

    def made(self, settings, *, hears=True):
        agent = Agent(
            self.time,
            self.journal,
            self.repository.path,
            "main",
            self.url,
            "writer",
            settings=settings,
        )
        if hears:
            self.cluster.listen(agent.noticed)
        return agent

    def merge(self, files):
        """Push to main, and let the webhook's delay pass."""
        sha = self.push(files)
        self.pass_(5)
        return sha

    def push(self, files):
        sha = self.repository.commit(files)
        self.agent.pushed("main", sha)
        self.agent.step()
        return sha

    def pass_(self, seconds):
        self.time.advance(seconds)
        self.agent.step()

    def pass_in_the_cluster(self, seconds):
        """Let the controllers of the cluster work for that time, then the agent."""
        self.cluster.run(seconds)
        self.agent.step()

    def told(self, *calls):
        wanted = calls or ("synced", "failed", "retired", "unpublished")
        entries = self.journal.entries()
        return [
            (e.call, dict(e.detail)) for e in entries if e.world == "agent" and e.call in wanted
        ]

    def application(self, name="llm-prod-qwen"):
        return self.cluster.get("applications", "argocd", name)

    def kustomization(self, name="llm-prod"):
        return self.cluster.get("kustomizations", "flux-system", name)

    def lws(self, name="qwen"):
        return self.cluster.get("leaderworkersets", "default", name)

    def change(self, name, **spec):
        """Change a LeaderWorkerSet by hand."""
        item = self.lws(name)
        self.cluster.apply({**item, "spec": {**item["spec"], **spec}})

    def calls(self, call, since=0):
        return [
            e.detail["name"]
            for e in self.journal.entries(since)
            if e.world == "cluster" and e.call == call
        ]

    def kubectl(self, *words):
        return kubectl(self, self.folder, *words)


def overlay(name, folder="overlays/prod", **wishes):
    return {
        f"{folder}/{name}/kustomization.yaml": {
            "resources": ["lws.yaml"],
            "namespace": "default",
        },
        f"{folder}/{name}/lws.yaml": lws(name=name, **wishes),
    }


def storage(name, marks, folder="overlays/prod"):
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "annotations": marks},
        "spec": {"accessModes": ["ReadOnlyMany"]},
    }
    return {
        f"{folder}/storage/{name}/kustomization.yaml": {
            "resources": ["pvc.yaml"],
            "namespace": "default",
        },
        f"{folder}/storage/{name}/pvc.yaml": claim,
    }


def broken(name, folder="overlays/prod"):
    return {f"{folder}/{name}/kustomization.yaml": {"resources": ["missing.yaml"]}}


def gone(*files):
    return {path: None for each in files for path in each}


def condition(item, kind):
    found = [each for each in item["status"].get("conditions", []) if each["type"] == kind]
    return found[0] if found else None


def operation(setting, name="llm-prod-qwen"):
    """Return the newest operation of an Application."""
    return setting.application(name)["status"]["operationState"]


def ready(item):
    """Return a Kustomization's condition Ready."""
    found = condition(item, "Ready")
    return found["status"], found["reason"], found["message"]

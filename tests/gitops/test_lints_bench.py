"""The words in which the lints' tests change an example; no tests of its own."""

import base64
import copy

from gitops import assets
from gitops.build import kustomize

EXAMPLES = assets.root() / "overlays" / "example"
SGLANG, VLLM, STORAGE = "qwen3-32b-sglang", "qwen3-32b-vllm", "storage/llm-model"
LEADER, WORKER = "leaderTemplate", "workerTemplate"


def built():
    """Build the examples that the lints' tests change, as they are for every version of LWS."""
    examples = {name: kustomize(EXAMPLES / name) for name in (SGLANG, VLLM, STORAGE)}
    for manifests in examples.values():
        without_partition(manifests)
    return examples


def without_partition(manifests):
    """Take out the field that an overlay gets for LWS 0.7.0 and newer; return the manifests."""
    for manifest in manifests:
        if manifest["kind"] == "LeaderWorkerSet":
            del manifest["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"]["partition"]
    return manifests


class Overlay:
    """The manifests of an example, to be changed in a few words."""

    def __init__(self, manifests):
        self.manifests = copy.deepcopy(manifests)

    def one(self, kind):
        return next(m for m in self.manifests if m["kind"] == kind)

    @property
    def lws(self):
        return self.one("LeaderWorkerSet")

    @property
    def group(self):
        return self.lws["spec"]["leaderWorkerTemplate"]

    def pod(self, template=LEADER):
        return self.group[template]["spec"]

    def engine(self, template=LEADER):
        return self.pod(template)["containers"][0]


def add(kind, api_version="v1", **more):
    def change(o):
        o.manifests.append({"apiVersion": api_version, "kind": kind, **more})

    return change


def arguments(*words, template=LEADER, of="args"):
    return lambda o: o.engine(template)[of].extend(words)


def without(option):
    def change(o):
        args = o.engine()["args"]
        del args[args.index(option) : args.index(option) + 2]

    return change


def engine(template=LEADER, **fields):
    return lambda o: o.engine(template).update(copy.deepcopy(fields))


def no(name, template=LEADER):
    return lambda o: o.engine(template).pop(name)


def spec(kind, **fields):
    return lambda o: o.one(kind)["spec"].update(copy.deepcopy(fields))


def name(kind, value):
    return lambda o: o.one(kind)["metadata"].update(name=value)


def metadata(**fields):
    return lambda o: o.lws["metadata"].update(copy.deepcopy(fields))


def annotate(value):
    return metadata(annotations={"note": value})


def variable(**fields):
    return lambda o: o.engine()["env"].append(fields)


def update(**fields):
    configuration = {"type": "RollingUpdate", "rollingUpdateConfiguration": fields}
    return spec("LeaderWorkerSet", rolloutStrategy=configuration)


def shared_memory(size):
    def change(o):
        memory = next(v for v in o.pod()["volumes"] if v["name"] == "dshm")["emptyDir"]
        memory.pop("sizeLimit") if size is None else memory.update(sizeLimit=size)

    return change


def sidecar(**fields):
    extra = {"name": "side", "image": "side:1", "resources": {}} | fields
    return lambda o: o.pod()["containers"].append(extra)


def wait_for_leader(o):
    waiting = {"name": "wait", "image": "a:1", "command": ["wait", "$(LWS_LEADER_ADDRESS)"]}
    o.pod(WORKER)["initContainers"] = [waiting]
    o.engine(WORKER).pop("readinessProbe")


def alone(o):
    o.group["size"] = 1
    o.engine(WORKER).pop("readinessProbe")


def model_on_the_node(o):
    pod = o.pod()
    pod["volumes"][0] = {"name": "model", "hostPath": {"path": "/models"}}


def ray(version):
    return lambda o: o.engine().update(image=f"registry.example/vllm:v{version}")


def both(*changes):
    def change(o):
        for one in changes:
            one(o)

    return change


def wrapped(text):
    return base64.b64encode(text.encode()).decode()

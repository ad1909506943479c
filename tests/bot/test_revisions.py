"""Which revision a LeaderWorkerSet wants: the newest one that holds what the set asks for."""

import json

import msgspec
import pytest

from bot.cluster.objects import LABEL, LwsObject
from bot.cluster.revisions import RevisionObject, asks, revision, wanted

TEMPLATE = {"size": 2, "workerTemplate": {"spec": {"containers": [{"name": "e", "image": "one"}]}}}


def lws(template=TEMPLATE, network=None, generation=1, **status):
    spec = {"leaderWorkerTemplate": template} | ({"networkConfig": network} if network else {})
    meta = {"name": "m", "uid": "u", "generation": generation}
    read = {"metadata": meta, "spec": spec, "status": status}
    return msgspec.json.decode(json.dumps(read), type=LwsObject)


def kept(label, template=TEMPLATE, number=1, **more):
    spec = {"leaderWorkerTemplate": {"$patch": "replace", **template}, **more}
    meta = {"name": f"m-{label}", "labels": {f"{LABEL}template-revision-hash": label}}
    read = {"metadata": meta, "data": {"spec": spec}, "revision": number}
    return revision(msgspec.json.decode(json.dumps(read), type=RevisionObject))


def changed(**fields):
    [container] = TEMPLATE["workerTemplate"]["spec"]["containers"]
    return TEMPLATE | {"workerTemplate": {"spec": {"containers": [container | fields]}}}


def pod(**fields):
    worker = TEMPLATE["workerTemplate"]
    return TEMPLATE | {"workerTemplate": {"spec": worker["spec"] | fields}}


@pytest.mark.parametrize(
    ("template", "same"),
    [
        (changed(), True),
        (changed(resources={}, env=None, tty=False, args=[]), True),  # as Go writes its types
        (TEMPLATE | {"workerTemplate": {"metadata": {"creationTimestamp": None}}}, False),
        (changed(image="two"), False),
        (changed(args=[""]), False),
        (changed(tty=True), False),
        (TEMPLATE | {"size": 3}, False),
        (pod(hostNetwork=False, serviceAccountName="", tolerations=[]), True),
        (pod(enableServiceLinks=False), False),
        (pod(automountServiceAccountToken=False), False),
        (pod(terminationGracePeriodSeconds=0), False),
        (pod(terminationGracePeriodSeconds=None), True),
        (changed(securityContext={"runAsUser": 0}), False),
        (changed(stdin=False, livenessProbe={"initialDelaySeconds": 0}), True),
    ],
)
def test_a_revision_is_known_by_what_it_holds(template, same):
    assert wanted(asks(lws(template), None), [kept("r1")]) == ("r1" if same else "")


def test_a_no_that_the_controller_keeps_is_found_in_its_revision():
    template = pod(enableServiceLinks=False, hostNetwork=False)
    written = pod(enableServiceLinks=False)

    assert wanted(asks(lws(template), None), [kept("r1"), kept("r2", written, 2)]) == "r2"


def test_the_network_is_a_part_of_it_and_the_newest_that_fits_is_wanted():
    unique = {"subdomainPolicy": "UniquePerReplica"}
    asked = asks(lws(network=unique), None)

    assert asked.own_subdomains
    assert wanted(asked, [kept("r1")]) == ""
    fits = [kept("r3", number=3, networkConfig=unique), kept("r2", number=2, networkConfig=unique)]
    assert wanted(asked, [*fits, kept("r4", number=4)]) == "r3"


def test_what_is_no_revision_of_a_set_is_wanted_by_none():
    other = msgspec.json.decode(b'{"metadata":{},"data":{"spec":{"template":{}}}}',
                                type=RevisionObject)  # fmt: skip

    assert wanted(asks(lws(), None), [revision(other)]) == ""


@pytest.mark.parametrize(
    ("status", "current"),
    [
        ({"updatedReplicas": 1}, False),  # up to v0.8 it does not say of which spec
        ({"updatedReplicas": 1, "observedGeneration": 1}, False),
        ({"updatedReplicas": 1, "observedGeneration": 2}, True),
        ({"observedGeneration": 2}, False),
    ],
)
def test_the_counters_are_believed_where_they_say_which_spec_they_are_of(status, current):
    assert asks(lws(generation=2, **status), None).current is current


def test_a_digest_is_spared_only_while_the_spec_is_the_same():
    first = asks(lws(), None)

    assert asks(lws(updatedReplicas=1), first).template == first.template
    assert asks(lws(changed(image="two"), generation=2), first).template != first.template

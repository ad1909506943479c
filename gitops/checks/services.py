"""Pure: lints on Services: they reach the leaders of one set and break nobody's names.

Sources: LeaderWorkerSet's CreateHeadlessServiceIfNotExists (pkg/utils/controller); Kubernetes'
service links, which turn a Service `vllm` into the variable VLLM_PORT of every pod beside it.
"""

import re
from collections.abc import Iterator

from gitops.checks.finding import Found
from gitops.checks.subject import LABEL, Subject, name_of, spec_of, title, within


def selects_leader(subject: Subject) -> Iterator[Found]:
    """A Service must select the leaders of a set of its own overlay."""
    for service in subject.of_kind("Service"):
        selector = within(service, "spec", "selector")
        index = selector.get(f"{LABEL}/worker-index")
        if str(selector.get(f"{LABEL}/name")) not in subject.names or index != "0":
            yield Found(
                title(service),
                f"{title(service)} must select {LABEL}/name and worker-index 0 of its own set",
            )


def keeps_names_free(subject: Subject) -> Iterator[Found]:
    """A Service must not take the name of a headless Service, nor one that sets VLLM_PORT."""
    for service in subject.of_kind("Service"):
        name = name_of(service)
        if name in subject.names or re.sub(r"-[0-9]+\Z", "", name) in subject.names:
            yield Found(
                title(service),
                f"{title(service)} has the LeaderWorkerSet's name; pods lose their DNS,"
                f" so call it {name}-leader",
            )
        elif name == "vllm":
            yield Found(
                title(service),
                f"{title(service)} would set VLLM_PORT in every pod; name it after its deployment",
            )


def stays_inside(subject: Subject) -> Iterator[Found]:
    """A Service must be a ClusterIP: engines have no access control of their own."""
    for service in subject.of_kind("Service"):
        kind = spec_of(service).get("type", "ClusterIP")
        if kind != "ClusterIP":
            yield Found(
                title(service),
                f"{title(service)} is of type {kind}; use ClusterIP and a gateway in front",
            )

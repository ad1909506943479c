"""Pure: lints on LeaderWorkerSets: what the cluster's version refuses, or accepts and then hangs.

Sources: the real controllers of v0.6.0, v0.7.0, v0.8.0 and v0.10.0, observed: a surge of one group
never ends before 0.9, foreground deletion loops on 0.6, the webhook stores `Default` as `None`.
"""

import re
from collections.abc import Iterator

from gitops.checks.finding import Found
from gitops.checks.subject import Subject, name_of, spec_of, texts, title, within
from gitops.names import MAX_NAME
from gitops.schemas import complaints, schema
from gitops.versions import release

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")


def fits_schema(subject: Subject) -> Iterator[Found]:
    """An object must have the fields of its kind, and no others."""
    for manifest in subject.manifests:
        for complaint in complaints(manifest, subject.facts.lws):
            if not complaint.since:
                yield Found(
                    title(manifest), f"{title(manifest)}: {complaint.path}: {complaint.text}"
                )


def fits_version(subject: Subject) -> Iterator[Found]:
    """A set must not use what only newer releases than the cluster's have."""
    for manifest in subject.sets:
        for complaint in complaints(manifest, subject.facts.lws):
            if complaint.since:
                yield Found(
                    title(manifest),
                    f"{title(manifest)}: {complaint.path} needs LeaderWorkerSet {complaint.since},"
                    f" the cluster has {subject.facts.lws}; remove it or upgrade",
                )


def kind_is_known(subject: Subject) -> Iterator[Found]:
    """An overlay holds the kinds that we check, and no others."""
    for manifest in subject.manifests:
        kind = str(manifest.get("kind"))
        if schema(kind) is None and kind != "Secret":
            yield Found(
                title(manifest),
                f"{title(manifest)} is of a kind that is not checked; keep it elsewhere, or waive"
                " known-kind in the policy",
            )


def surge_ends(subject: Subject) -> Iterator[Found]:
    """One group with a surge and nothing unavailable is never updated before 0.9."""
    old = release(subject.facts.lws) < release("0.9.0")
    for lws in subject.sets if old else ():
        strategy = within(lws, "spec", "rolloutStrategy", "rollingUpdateConfiguration")
        surge = _groups(strategy.get("maxSurge", 0), up=True)
        free = _groups(strategy.get("maxUnavailable", 1), up=False)
        if spec_of(lws).get("replicas", 1) == 1 and surge and not free:
            yield Found(
                title(lws),
                f"{title(lws)}: maxSurge {surge} and maxUnavailable 0 with one group never end on"
                f" LeaderWorkerSet {subject.facts.lws}; set maxUnavailable 1",
            )


def leader_does_not_wait(subject: Subject) -> Iterator[Found]:
    """LeaderReady makes workers after the leader is ready, and the leader waits for them."""
    for lws in subject.sets:
        if spec_of(lws).get("startupPolicy") == "LeaderReady":
            yield Found(
                title(lws),
                f"{title(lws)}: startupPolicy LeaderReady deadlocks; use LeaderCreated",
            )


def restart_is_said(subject: Subject) -> Iterator[Found]:
    """The webhook stores Default as None: Git and cluster would differ for ever."""
    for lws in subject.sets:
        if within(lws, "spec", "leaderWorkerTemplate").get("restartPolicy") == "Default":
            yield Found(
                title(lws),
                f"{title(lws)}: restartPolicy Default is stored as None and drifts; use"
                " RecreateGroupOnPodRestart",
            )


def deletion_ends(subject: Subject) -> Iterator[Found]:
    """On 0.6 a set that is deleted in the foreground makes new pods over and over."""
    old = release(subject.facts.lws) < release("0.7.0")
    for lws in subject.sets if old else ():
        metadata = within(lws, "metadata")
        options = within(metadata, "annotations").get("argocd.argoproj.io/sync-options", "")
        finalizers = " ".join(str(finalizer) for finalizer in texts(metadata, "finalizers"))
        if "foreground" in f"{options} {finalizers}".lower():
            yield Found(
                title(lws),
                f"{title(lws)}: foreground deletion loops on LeaderWorkerSet"
                f" {subject.facts.lws}; remove it, background is the default",
            )


def name_fits(subject: Subject) -> Iterator[Found]:
    """A set's name must leave room for pod suffixes, and be a DNS label without dots."""
    for lws in subject.sets:
        name = name_of(lws)
        if len(name) > MAX_NAME:
            yield Found(
                title(lws), f"{title(lws)}: longer than {MAX_NAME} characters; shorten the name"
            )
        elif not _NAME.match(name):
            yield Found(
                title(lws),
                f"{title(lws)}: begin the name with a letter and use a-z, 0-9 and - only",
            )


def _groups(value: object, *, up: bool) -> int:
    """Return how many of one group a number or percentage means."""
    text = str(value)
    if not text.endswith("%"):
        return int(text) if text.isdecimal() else 0
    share = int(text[:-1]) if text[:-1].isdecimal() else 0
    return int(share > 0) if up else int(share >= 100)  # noqa: PLR2004 - per cent

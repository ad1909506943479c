"""Edge: what the real API server says of an overlay, asked with the caller's own kubeconfig.

A server-side dry run goes through defaulting, validation and admission, and stores nothing. It is
asked only at a terminal, by a person; the running bot has no right to it.
"""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

from gitops import settings
from gitops.batch import Output, build_all
from gitops.checks import Finding, Severity
from gitops.environment import Environment
from gitops.errors import ClusterUnavailableError, InvalidRequestError
from gitops.inspection import Report

TIMEOUT = 30
"""Longest that one overlay's dry run may take, in seconds."""

_APPLY = (
    "apply",
    "--server-side",
    "--dry-run=server",
    "--force-conflicts",  # Argo CD or Flux owns the fields; nothing is taken from them here
    "--field-manager=leadline-dry-run",
    f"--request-timeout={TIMEOUT}s",
    "-f",
    "-",
)

_REFUSED = re.compile(
    r"^Error from server \((?:AlreadyExists|BadRequest|Conflict|Invalid|NotFound)\)"
    r"|admission webhook .* denied|is forbidden: exceeded quota|no matches for kind"
    r"|unknown field|strict decoding error",
    re.MULTILINE,
)
"""How a server refuses the manifests, as against refusing us; the words are kubectl's and the API
server's (k8s.io/apimachinery/pkg/api/errors)."""


def ask(root: Path, report: Report, environment: Environment) -> Report:
    """Return the report with what the environment's API server says of the overlay's manifests.

    Raises:
        InvalidRequestError: the environment names no kube context.
        ClusterUnavailableError: the server, or the right to ask it, is out of reach.
    """
    if not environment.context:
        raise InvalidRequestError(
            f"asking the API server of {environment.name}: it has no context; set it in"
            f" {environment.path}"
        )
    overlay = Path(report.folder)
    built = build_all(root, [overlay])[overlay]
    if not isinstance(built, Output):
        return report  # the report says why it does not build
    said = _apply(built.text, report.folder, environment)
    found = (Finding("server", Severity.ERROR, "", said),) if said else ()
    return replace(report, findings=(*report.findings, *found))


def _apply(text: str, folder: str, environment: Environment) -> str:
    """Return why the server refuses; "" when it takes everything."""
    context = f"--context={environment.context}"
    act = f"dry run of {folder} in context {environment.context}"
    try:
        result = subprocess.run(  # noqa: S603 - an argument list, no shell
            [settings.kubectl(), context, *_APPLY],
            input=text,
            capture_output=True,
            text=True,
            timeout=TIMEOUT * 2,
            check=False,
            env=settings.child_environment({}),
        )
    except subprocess.TimeoutExpired as error:
        raise ClusterUnavailableError(f"{act}: no answer in {TIMEOUT * 2} s") from error
    reason = " ".join(result.stderr.split())[:500]
    if not result.returncode or _REFUSED.search(result.stderr):
        return reason if result.returncode else ""
    raise ClusterUnavailableError(f"{act}: {reason}; check your kubeconfig and your rights")

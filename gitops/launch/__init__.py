"""Pure: the argument list that starts each pod of a group, for every launch form and version.

The form follows from the deployment's base; `argv` says how a person's text stays literal.
"""

from gitops.deployment import ModelDeployment
from gitops.errors import InvalidRequestError
from gitops.launch import sglang, vllm
from gitops.launch.argv import KEY_VARIABLE, Launch, literal
from gitops.models import Yarn

__all__ = ["FORMS", "KEY_VARIABLE", "Launch", "form_of", "launch", "literal"]

FORMS = {"vllm-ray": vllm.with_ray, "vllm-mp": vllm.native, "sglang": sglang.serve}
"""The launch forms by the name that begins a base's folder."""


def launch(deployment: ModelDeployment, yarn: Yarn | None = None) -> Launch:
    """Return the arguments of a deployment; `yarn` stretches its context, where that is needed.

    Raises:
        InvalidRequestError: the base has no known launch form, or the form cannot do what is asked.
    """
    return FORMS[form_of(deployment.base)](deployment, yarn)


def form_of(base: str) -> str:
    """Return the launch form of a base: `vllm-mp` of `kustomize/engines/vllm-mp/v1`.

    A team's own base begins with the form that it follows: `kustomize/engines/sglang-acme/v2`.

    Raises:
        InvalidRequestError: another name.
    """
    folder = base.split("/")[-2] if base.count("/") else base
    for form in FORMS:
        if folder == form or folder.startswith(f"{form}-"):
            return form
    raise InvalidRequestError(
        f"base {base}: begin its folder with the launch form it follows: {', '.join(FORMS)}"
    )

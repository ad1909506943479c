"""Pure: the files of a new GitOps repository.

Files that people read come from templates in `gitops/templates/scaffold`; GitHub and Argo CD use
braces themselves, so ours are square: `[[ value ]]`, `[% if … %]`.
"""

from collections.abc import Mapping
from importlib import resources

import jinja2

from gitops.environment import Controller
from gitops.scaffold.blueprint import Blueprint

_TEMPLATES = {
    "README.md": "README.md",
    "policy.yaml": "policy.yaml",
    "roles.yaml": "roles.yaml",
    ".github/CODEOWNERS": "CODEOWNERS",
    ".github/workflows/leadline.yaml": "leadline.yaml",
    "overlays/README.md": "overlays.md",
}
"""Template of every file that all repositories have, by its path."""

_NAMES = {Controller.ARGOCD: "Argo CD", Controller.FLUX: "Flux"}


def scaffold(blueprint: Blueprint, kustomize: Mapping[str, str]) -> Mapping[str, str]:
    """Return the files of a new repository by path; `kustomize` are the bases and the catalogue.

    The same blueprint gives the same bytes.
    """
    values = {
        "name": blueprint.name,
        "url": blueprint.address,
        "source": blueprint.leadline_source,
        "environment": blueprint.environment,
        "branch": blueprint.branch,
        "owners": blueprint.owners,
        "controller": blueprint.controller.value,
        "controller_name": _NAMES[blueprint.controller],
    }
    templates = {**_TEMPLATES, **_of_environment(blueprint)}
    files = {path: _template(name).render(values) for path, name in templates.items()}
    return files | dict(kustomize)


def _of_environment(blueprint: Blueprint) -> Mapping[str, str]:
    controller, environment = blueprint.controller, blueprint.environment
    ignored = {".sourceignore": "sourceignore"} if controller is Controller.FLUX else {}
    return {
        f"overlays/{environment}/environment.yaml": "environment.yaml",
        f"{controller.value}/{environment}.yaml": f"{controller.value}.yaml",
        **ignored,
    }


def _template(name: str) -> jinja2.Template:
    folder = resources.files("gitops") / "templates" / "scaffold"
    return jinja2.Environment(  # noqa: S701 - YAML and Markdown; every value has a grammar
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
    ).from_string((folder / f"{name}.j2").read_text("utf-8"))

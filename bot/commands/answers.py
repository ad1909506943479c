"""Pure: what reading verbs answer, from values to notices. Nothing here reaches anything."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from bot.access import Actor, role_of
from bot.commands.command import FitQuestion
from bot.errors import CommandError
from bot.notice import Card, Facts, Listing
from bot.relay import PORT
from bot.store import Proposal
from gitops.catalog import Catalog
from gitops.deployment import ModelDeployment
from gitops.environment import Environment
from gitops.parallel import Parallel
from gitops.past import Standing
from gitops.roles import Roles
from gitops.sizing import Sizing, in_words, size

PAGE = 20
"""Rows a page of a list: about a screen in Slack."""


def listing(
    deployments: Sequence[ModelDeployment],
    awaited: Sequence[Proposal],
    cards: Mapping[str, Card],
    page: int,
    again: str,
) -> Listing:
    """Return the deployments of main with the phase of their cards, then those that it awaits.

    `again` is what was typed.
    """
    rows = [_row(d, cards.get(f"{d.environment}/{d.name}")) for d in deployments]
    rows += [_awaited(p) for p in awaited]
    columns = ("deployment", "model", "engine", "shape", "GPUs", "phase")
    return _paged("Deployments", columns, rows, page, again)


def models(catalog: Catalog, search: str, page: int, again: str) -> Listing:
    """Return the models on offer, all or those whose id or repository holds a word."""
    found = [
        m for m in catalog.models.values() if search.lower() in f"{m.id} {m.repository}".lower()
    ]
    rows = [
        (m.id, f"{m.parameters / 1e9:.1f}B", f"{m.shape.max_positions:,} tokens", m.repository)
        for m in found
    ]
    columns = ("model", "parameters", "context", "repository")
    return _paged("Models", columns, rows, page, again)


def history(
    name: str, standings: Sequence[Standing], page: int, again: str, called: Callable[[str], str]
) -> Listing:
    """Return what was changed on a deployment, newest first, as `rollback --to N` counts it.

    `called` gives the name of whoever asked; it is only asked for those on the page.
    """
    rows = [
        (
            str(back) if back else "now",
            s.commit[:7],
            f"{s.at:%Y-%m-%d %H:%M} UTC",
            s.by,
            s.title + (f" (#{s.pull})" if s.pull else ""),
        )
        for back, s in enumerate(standings)
    ]
    columns = ("back", "commit", "when", "by", "what")
    shown = _paged(f"History of {name}", columns, rows, page, again)
    return replace(shown, rows=tuple((*row[:3], called(row[3]), row[4]) for row in shown.rows))


def fit(question: FitQuestion, catalog: Catalog, environment: Environment) -> Facts:
    """Return whether a model fits GPUs: the type that is named, or the environment's first pool.

    Raises:
        CommandError: no type is named and the environment declares no pool.
        InvalidRequestError: a word names nothing, or sizes that the model does not allow.
    """
    gpu, defaults = question.gpu or _first_gpu(environment), environment.defaults
    tensor = question.tensor or defaults.tensor
    parallel = Parallel(tensor, question.pipeline, question.data)
    nodes = question.nodes or max(1, parallel.gpus // defaults.gpus_per_pod)
    sized = size(
        catalog,
        Sizing(
            question.model,
            question.engine,
            gpu,
            parallel,
            nodes,
            question.context,
            question.quantization,
            question.engine_version,
        ),
    )
    return Facts(f"Fit of {question.model}", (), (in_words(sized),))


def endpoint(deployment: ModelDeployment) -> Facts:
    """Return where programs ask a deployment, with a call to copy."""
    d = deployment
    host = f"{d.name}-leader.{d.namespace}.svc"
    base = f"http://{host}:{PORT}/v1"
    key = ' -H "Authorization: Bearer $API_KEY"' if d.api_key_secret else ""
    call = (
        f"curl {base}/chat/completions{key} -H 'Content-Type: application/json' -d '"
        f'{{"model": "{d.served_model_name}", "messages": [{{"role": "user", "content": "hi"}}]}}\''
    )
    forward = f"kubectl -n {d.namespace} port-forward svc/{d.name}-leader {PORT}"
    facts = (
        ("Base URL", base),
        ("Model", d.served_model_name),
        ("API key", f"Secret {d.api_key_secret}" if d.api_key_secret else "none"),
    )
    return Facts(f"Endpoint of {d.environment}/{d.name}", facts, (call, forward))


def whoami(roles: Roles, actor: Actor, environments: Collection[str], limits: str) -> Facts:
    """Return a person's role in each environment, as it counts in this channel, and their login."""
    held = {name: role_of(roles, actor, name) for name in sorted(environments)}
    return Facts(
        "You",
        (
            ("Slack", actor.person),
            ("GitHub", roles.login(actor.person) or "not in `people` of roles.yaml"),
            *((f"Role in {name}", role.value if role else "none") for name, role in held.items()),
            ("Limits", limits),
        ),
    )


def _row(d: ModelDeployment, card: Card | None) -> tuple[str, ...]:
    return (
        f"{d.environment}/{d.name}",
        d.model,
        f"{d.engine.value} {d.engine_version}",
        f"{d.shape} · {d.parallel}",
        str(d.gpus),
        card.phase if card else "not watched yet",
    )


def _awaited(p: Proposal) -> tuple[str, ...]:
    phase = f"not on main yet: pull request #{p.pull_number} is open"
    return (p.key, p.model, p.engine, f"{p.shape} · {p.parallel}", str(p.gpus), phase)


def _first_gpu(environment: Environment) -> str:
    if not environment.pools:
        raise CommandError(
            f"{environment.path} declares no pool of GPUs; say which type, as `--gpu L20`"
        )
    return environment.pools[0].gpu


def _paged(
    title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], page: int, again: str
) -> Listing:
    pages = max(1, -(-len(rows) // PAGE))
    at = min(page, pages)
    shown = tuple(rows[(at - 1) * PAGE : at * PAGE])
    more = f"{again} --page {at + 1}" if at < pages else ""
    return Listing(f"{title} ({len(rows)})", columns, shown, at, pages, more)

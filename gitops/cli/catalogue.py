"""Edge: the verbs of the catalogue: models and fit."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops.engine import Engine

if TYPE_CHECKING:
    from gitops.catalog import Catalog


def _catalog() -> "Catalog":
    """Return the catalogue of the repository we stand in, Leadline's own elsewhere."""
    from gitops.catalog import Catalog  # noqa: PLC0415 - only these verbs need it
    from gitops.errors import UsageError  # noqa: PLC0415 - as above
    from gitops.workspace import WorkingCopy  # noqa: PLC0415 - as above

    try:
        return WorkingCopy.find(Path.cwd()).catalog()
    except UsageError:  # figures can be asked for anywhere
        return Catalog.load()


class _Models(click.Group):
    """`models WORD` searches, unless WORD is a command of its own."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take a word that is no command for a search."""
        if args and args[0] not in self.commands:
            return "list", self.commands["list"], args
        return super().resolve_command(ctx, args)


@click.group(cls=_Models, invoke_without_command=True, short_help="The models on offer.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
@click.pass_context
def models(ctx: click.Context, as_json: bool) -> None:  # noqa: FBT001 - click's flag
    """List the models on offer, or those that a word finds: leadline models qwen."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_, as_json=as_json)


@models.command(name="list", short_help="List models, all or those that a word finds.")
@click.argument("search", default="")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def list_(search: str = "", as_json: bool = False) -> None:  # noqa: FBT001, FBT002 - click's flag
    """List models: leadline models list qwen."""
    from gitops.cli.output import show  # noqa: PLC0415 - only this verb needs it

    found = [
        m for m in _catalog().models.values() if search.lower() in f"{m.id} {m.repository}".lower()
    ]
    rows = [
        f"{m.id:32} {m.parameters / 1e9:8.1f}B {m.shape.max_positions:>8} {m.repository}"
        for m in found
    ]
    show([m.id for m in found], "\n".join(rows) or f"no model matches {search}", json=as_json)


@models.command(short_help="Show a model's figures and checkpoints.")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def show(name: str, as_json: bool) -> None:  # noqa: FBT001 - click's flag
    """Show a model: leadline models show qwen3-32b."""
    from gitops.cli import output  # noqa: PLC0415 - only this verb needs it
    from gitops.models import to_yaml  # noqa: PLC0415 - as above

    model = _catalog().model(name)
    output.show(model, to_yaml(model), json=as_json)


@models.command(short_help="Derive a model's figures from its config.json.")
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--repository", help="Its Hugging Face id, as Qwen/Qwen3-32B.")
@click.option("--storage", "claim", default="llm-model", help="Claim that holds its files.")
@click.option("--licence", help="Its licence, as Apache-2.0.")
def add(config: Path, repository: str | None, claim: str, licence: str | None) -> None:
    """Add a model to this repository's catalog/: leadline models add config.json."""
    from gitops.models import derive, to_yaml  # noqa: PLC0415 - only this verb needs it
    from gitops.models.config import read_config  # noqa: PLC0415 - as above
    from gitops.workspace import WorkingCopy  # noqa: PLC0415 - as above

    values = read_config(config.read_bytes(), config.name)
    named = repository or str(values.get("_name_or_path", ""))
    if not named:
        raise click.UsageError("the file does not say whose it is; add --repository")
    model = derive(values, named, claim, licence)
    copy = WorkingCopy.find(Path.cwd())
    path = copy.write_file(
        f"catalog/models/{model.id}.yaml", to_yaml(model, f"config.json of {named}")
    )
    click.echo(f"wrote {path}")


@click.command(short_help="Does a model fit these GPUs?")
@click.argument("model")
@click.argument("engine", metavar="ENGINE", type=click.Choice([engine.value for engine in Engine]))
@click.option("--gpu", required=True, help="GPU type, as L20.")
@click.option("--tp", "tensor", type=int, default=1, help="Tensor parallel size.")
@click.option("--pp", "pipeline", type=int, default=1, help="Pipeline parallel size.")
@click.option("--dp", "data", type=int, default=1, help="Data parallel size.")
@click.option("--nodes", type=int, default=1, help="Nodes that share the GPUs of a group.")
@click.option("--context", type=int, help="Longest request, in tokens; the model's own if absent.")
@click.option("--quant", "quantization", help="Number format of the weights, as fp8.")
@click.option("--engine-version", help="Release of the engine.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def fit(**words: object) -> None:
    """Say whether it fits: leadline fit qwen3-32b sglang --gpu L20 --tp 2 --nodes 2."""
    from gitops.cli.fitting import say_fit  # noqa: PLC0415 - only this verb needs it

    say_fit(_catalog(), words)

"""Edge: the verb `completion`: what a shell needs to complete verbs and options."""

import click
from click.shell_completion import get_completion_class


@click.command(short_help="Print what a shell needs to complete verbs and options.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a completion script: eval "$(leadline completion bash)"."""
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"no completion for {shell}")
    root = click.get_current_context().find_root().command
    click.echo(made(root, {}, "leadline", "_LEADLINE_COMPLETE").source())

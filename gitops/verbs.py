"""Edge: the `leadline` command. Each package registers its verbs; only the one typed is loaded."""

import sys
from importlib import metadata

import click

GROUP = "leadline.verbs"
"""Entry-point group that `pyproject.toml` fills, one name a verb."""


class Verbs(click.Group):
    """A group whose commands are entry points, so that no package imports upward."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the verbs."""
        return sorted(metadata.entry_points(group=GROUP).names)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Load the verb that was typed; a typo gets the nearest one."""
        found = metadata.entry_points(group=GROUP, name=name)
        if found:
            verb: click.Command = next(iter(found)).load()
            return verb
        import difflib  # noqa: PLC0415 - only a typo needs it

        near = difflib.get_close_matches(name, self.list_commands(ctx), 1)
        hint = f"did you mean “{near[0]}”?" if near else f"one of: {self._names(ctx)}"
        raise click.UsageError(f"no verb “{name}”; {hint}", ctx)

    def _names(self, ctx: click.Context) -> str:
        return ", ".join(self.list_commands(ctx))


@click.group(cls=Verbs)
@click.version_option(package_name="leadline")
def leadline() -> None:
    """Put large language models on Kubernetes from Slack, through Git."""


def main() -> None:
    """Run the command line. Exit 0 ok, 1 refused, 2 usage, 3 something outside is unavailable."""
    try:
        code = leadline.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except Exception as error:
        code = getattr(error, "exit_code", None)
        if code is None:
            raise
        click.echo(f"leadline: {error}", err=True)
    sys.exit(code if isinstance(code, int) else 0)

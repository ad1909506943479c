"""Edge: how the verbs print: for people, or with --json for machines."""

from typing import Any

import click
import msgspec

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def show(value: object, text: str, *, json: bool) -> None:
    """Print a value as JSON, or its text for people."""
    click.echo(dumps(value) if json else text.rstrip("\n"))


def dumps(value: object) -> str:
    """Return a value of ours as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=_plain)).decode()


def _plain(value: Any) -> object:  # noqa: ANN401 - whatever msgspec does not know
    return str(value)

"""Edge: the verb of the sandbox. Heavy modules are imported when it runs."""

from pathlib import Path

import click


@click.command(short_help="Run Slack, GitHub, a cluster and engines on this machine.")
@click.option("--story", is_flag=True, help="Play the whole loop against Leadline, then end.")
@click.option("--rate", default=10.0, help="How many of its seconds pass in a real one.")
@click.argument("folder", default=".leadline-sandbox", type=click.Path(path_type=Path))
def sandbox(folder: Path, rate: float, story: bool) -> None:  # noqa: FBT001 - click's flag
    """Run a sandbox in a folder, made anew: leadline sandbox --story."""
    from sandbox import show  # noqa: PLC0415 - only this verb needs it

    show.story(folder, rate, click.echo) if story else show.stay(folder, rate, click.echo)

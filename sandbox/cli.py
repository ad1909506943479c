"""Edge: the verb of the sandbox. Heavy modules are imported when it runs."""

from pathlib import Path

import click

_LWS = ("v0.10.0", "v0.8.0plus", "v0.7.0", "v0.6.0")  # sandbox.setup.LWS; a test compares
_SETUP = ("seed", "lws", "agent", "nodes", "gpus", "port", "redis")


@click.command(short_help="Run Slack, GitHub, a cluster and engines on this machine.")
@click.option("--story", is_flag=True, help="Play the whole loop against Leadline, then end.")
@click.option("--script", metavar="FILE", help="Play a story, then end: 0 if all steps held.")
@click.option("--set", "values", multiple=True, metavar="NAME=VALUE", help="A value of the story.")
@click.option(
    "--with-leadline/--without-leadline", default=True, help="Whether a story runs Leadline too."
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 10_000),
    default=10.0,
    help="How many of its seconds pass in a real one; 0 stands.",
)
@click.option("--seed", type=int, help="Begin at a fixed time; draw the controllers' races.")
@click.option("--lws", type=click.Choice(_LWS), default=_LWS[0], help="LeaderWorkerSet installed.")
@click.option(
    "--agent", type=click.Choice(("argocd", "flux")), default="argocd", help="GitOps controller."
)
@click.option("--nodes", type=click.IntRange(1, 1000), default=4, help="Machines of the cluster.")
@click.option("--gpus", type=click.IntRange(0, 64), default=1, help="GPUs of each machine.")
@click.option(
    "--port", type=click.IntRange(0, 65500), default=0, help="First of fixed ports; 0 is any."
)
@click.option("--redis", default="", metavar="URL", help="A Redis in place of the sandbox's own.")
@click.argument("folder", default=".leadline-sandbox", type=click.Path(path_type=Path))
def sandbox(folder: Path, rate: float, **options: object) -> None:
    """Run a sandbox in a folder, made anew: leadline sandbox --story.

    Without --story and --script it stays until Ctrl-C or SIGTERM.
    """
    from sandbox import show  # noqa: PLC0415 - only this verb needs it
    from sandbox.setup import Setup  # noqa: PLC0415 - as above

    if options["story"] and options["script"]:
        raise click.UsageError("--story and --script play a story each; choose one")
    setup = Setup(**{name: options[name] for name in _SETUP})  # type: ignore[arg-type] # as declared above
    if options["story"]:
        show.story(folder, rate, setup, click.echo)
    elif options["script"]:
        values = dict(map(_value, options["values"]))  # type: ignore[call-overload] # texts
        wanted = show.Script(str(options["script"]), values, bool(options["with_leadline"]))
        show.script(folder, rate, setup, wanted, click.echo)
    else:
        show.stay(folder, rate, setup, click.echo)


def _value(text: str) -> tuple[str, str | int]:
    """Read NAME=VALUE; a whole number is one."""
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--set {text}: expected NAME=VALUE")
    return name, int(value) if value.isdecimal() else value

"""Edge: the verb that runs Leadline. Heavy modules are imported when it runs."""

import click


@click.command(short_help="Run Leadline: web, worker and watch, or one of them.")
@click.argument("roles", nargs=-1, metavar="[web] [worker] [watch]")
def run(roles: tuple[str, ...]) -> None:
    """Run the roles named, all of them when none is: leadline run web."""
    from bot.process import run as run_roles  # noqa: PLC0415 - only this verb needs it

    run_roles(roles)

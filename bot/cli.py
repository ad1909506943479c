"""Edge: the verbs that run Leadline. Heavy modules are imported when one runs."""

import click


@click.command(short_help="Take what Slack and GitHub send.")
def serve() -> None:
    """Take what Slack and GitHub send, over HTTP or Socket Mode, and queue it."""
    _run(("serve",))


@click.command(short_help="Run the commands that were taken.")
def work() -> None:
    """Run the commands that were taken: open pull requests, ask engines, answer in Slack."""
    _run(("work",))


@click.command(short_help="Watch pull requests and the cluster, and tell the threads.")
def watch() -> None:
    """Watch pull requests and the cluster, and tell the threads what happens."""
    _run(("watch",))


@click.command(short_help="Run serve, work and watch in one process, or some of them.")
@click.argument("roles", nargs=-1, metavar="[serve] [work] [watch]")
def run(roles: tuple[str, ...]) -> None:
    """Run the roles named, all of them when none is: leadline run serve work."""
    _run(roles)


def _run(roles: tuple[str, ...]) -> None:
    from bot.process import run as run_roles  # noqa: PLC0415 - only these verbs need it

    run_roles(roles)

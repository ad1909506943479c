"""Pure: which environment and which deployment a command means, from where it was typed."""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.errors import CommandError, NotFoundError
from gitops.environment import Environment
from gitops.names import printable


@dataclass(frozen=True, slots=True)
class Named:
    """A deployment by the environment and the name of its folder."""

    environment: str
    name: str

    def __str__(self) -> str:
        """Return ENVIRONMENT/NAME."""
        return f"{self.environment}/{self.name}"


def environment_of(
    named: str | None, channel: str, environments: Sequence[Environment], default: str
) -> Environment:
    """Return the environment that a command means: named, else the channel's, else the default.

    Raises:
        CommandError: none is named or bound and the default is production, or is not there.
        NotFoundError: there is none of the name.
    """
    if named is not None:
        return _known(named, environments)
    bound = [e for e in environments if e.slack.channel and e.slack.channel == channel]
    if len(bound) > 1:
        names = ", ".join(e.name for e in bound)
        raise CommandError(f"this channel is bound to {names}; add --environment")
    if bound:
        return bound[0]
    meant = next((e for e in environments if e.name == default), None)
    if meant is None or meant.is_production:
        names = ", ".join(e.name for e in environments) or "none"
        raise CommandError(f"which environment? Add --environment; there are: {names}")
    return meant


def deployment_of(
    name: str,
    named: str | None,
    channel: str,
    environments: Sequence[Environment],
    there: Collection[Named],
) -> Named:
    """Return the deployment that NAME or ENVIRONMENT/NAME means.

    A plain name is looked for in the environment that is named, else in the channel's, else in all;
    a name that exists in several needs the environment.

    Raises:
        NotFoundError: none of that name, with the nearest one, or several.
    """
    wanted, _, short = name.rpartition("/")
    if inside := named or wanted:
        place = _known(inside, environments).name
        return _only(name, [d for d in there if d == Named(place, short)], there)
    bound = {e.name for e in environments if e.slack.channel and e.slack.channel == channel}
    here = [d for d in there if d.name == short and d.environment in bound]
    return _only(name, here or [d for d in there if d.name == short], there)


def _known(name: str, environments: Sequence[Environment]) -> Environment:
    for environment in environments:
        if environment.name == name:
            return environment
    names = [e.name for e in environments]
    others = f"there are: {', '.join(names) or 'none'}"
    raise NotFoundError(f"no environment {printable(name)}; {_near(name, names, others)}")


def _only(name: str, found: Sequence[Named], there: Collection[Named]) -> Named:
    if len(found) > 1:
        keys = ", ".join(sorted(str(each) for each in found))
        raise NotFoundError(f"{printable(name)} is in several environments; write one of {keys}")
    elsewhere = [str(d) for d in there if d.name == name.rpartition("/")[2]]
    if not found and elsewhere:
        raise NotFoundError(f"no deployment {printable(name)} there; write {elsewhere[0]}?")
    if not found:
        known = [each for d in there for each in (d.name, str(d))]
        hint = _near(name, known, "try `/llm list`")
        raise NotFoundError(f"no deployment {printable(name)}; {hint}")
    return found[0]


def _near(word: str, known: Sequence[str], otherwise: str) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]}?" if near else otherwise

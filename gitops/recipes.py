"""Pure but for reading its files: how each version of an engine is started, and its weaknesses.

A recipe covers a range of versions; `kustomize/catalog/engines/*.yaml` holds them, a team's own
folder may replace or extend them. Sources: the engines' start-up checks in the releases named
there; the advisories that the files name.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gitops.documents import load_mapping
from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.names import check_image, printable
from gitops.versions import release

TITLES = {Engine.VLLM: "vLLM", Engine.SGLANG: "SGLang"}
"""The engines as they write themselves."""

_RANGE = re.compile(r">=(\S+) <(\S+)\Z")
_VERSION = r"v?([0-9]+\.[0-9]+\.[0-9]+(?:\.[0-9]+)?(?:\.?(?:rc|a|b|dev)[0-9]+)?(?:\.post[0-9]+)?)"
_AT_START = re.compile(rf"{_VERSION}(?=\Z|[-_+])")


@dataclass(frozen=True, slots=True)
class Range:
    """Versions from `since` on and before `before`, as they stand in a file: `>=0.10.0 <0.11.1`."""

    since: str
    before: str

    @classmethod
    def read(cls, text: str, source: str) -> "Range":
        """Return the range that a text holds.

        Raises:
            InvalidRequestError: another form, or not versions.
        """
        found = _RANGE.match(text)
        if not found:
            raise InvalidRequestError(
                f"{source}: versions {printable(text)}: expected a form such as >=0.10.0 <0.11.1"
            )
        if release(found[1]) >= release(found[2]):
            raise InvalidRequestError(f"{source}: versions {text}: holds none; swap the two")
        return cls(found[1], found[2])

    def __contains__(self, version: str) -> bool:
        return release(self.since) <= release(version) < release(self.before)

    def __str__(self) -> str:
        return f"{self.since} up to {self.before}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the versions of a range are started.

    `version` is the release it was written for, `base` the folder of its kustomize base, `image`
    a template with `{version}`; `ray_in_image` says that the image is known to hold Ray.
    """

    name: str
    engine: Engine
    versions: Range
    version: str
    base: str
    image: str
    ray_in_image: bool = False

    def image_of(self, version: str) -> str:
        """Return the image of a version, by its tag."""
        return self.image.replace("{version}", version.removeprefix("v"))


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """A published weakness: the versions that have it and the first one that has not."""

    id: str
    engine: Engine
    versions: Range
    fixed: str
    what: str
    source: str


@dataclass(frozen=True, slots=True)
class Recipes:
    """All recipes, those looked at first in front, and all known vulnerabilities."""

    recipes: tuple[Recipe, ...]
    vulnerabilities: tuple[Vulnerability, ...]

    def of(self, engine: Engine) -> tuple[Recipe, ...]:
        """Return the recipes of an engine."""
        return tuple(recipe for recipe in self.recipes if recipe.engine is engine)

    def known(self, engine: Engine, version: str) -> tuple[Vulnerability, ...]:
        """Return the known vulnerabilities of a version."""
        return tuple(
            v for v in self.vulnerabilities if v.engine is engine and version in v.versions
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """What a deployment takes: a recipe, a version, an image, and what a person should know."""

    recipe: Recipe
    version: str
    image: str
    warnings: tuple[str, ...]

    @property
    def base(self) -> str:
        """The recipe's base."""
        return self.recipe.base


def pick(
    engine: Engine, version: str | None = None, image: str | None = None, *, recipes: Recipes
) -> Choice:
    """Return what starts an engine: the version named, the image's, or the newest safe one.

    Raises:
        InvalidRequestError: no recipe covers the version, the image is not pinned, or its tag
            does not tell the version and nobody else does.
    """
    if image is not None:
        check_image(image)
    told = None if image is None else version_of(image, engine)
    wanted = version or told
    if image is not None and wanted is None:
        raise InvalidRequestError(
            f"image {image}: its tag does not tell which {TITLES[engine]} it holds; say"
            " --engine-version"
        )
    recipe = _covering(engine, wanted, recipes) if wanted else _newest(engine, recipes)
    taken = (wanted or recipe.version).removeprefix("v")
    warnings = (*_doubts(recipe, taken, told, recipes), *warn(engine, taken, recipes))
    return Choice(recipe, taken, image or recipe.image_of(taken), warnings)


def warn(engine: Engine, version: str, recipes: Recipes) -> tuple[str, ...]:
    """Return one line on the known vulnerabilities of a version, nothing where there are none."""
    known = recipes.known(engine, version)
    if not known:
        return ()
    each = "; ".join(f"{v.id}, fixed in {v.fixed}: {v.what}" for v in known)
    safe = max((v.fixed for v in known), key=release)
    return (f"{TITLES[engine]} {version} is known to be vulnerable; take {safe} or newer ({each})",)


def version_of(image: str, engine: Engine) -> str | None:
    """Return the engine's version that an image's tag tells, None where it tells none.

    `v0.10.0`, `v0.5.9-cu129` and `0.3.4.post2-sglang0.4.10.post2-…` tell one; `25.09-py3` does not.
    """
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    named = re.search(rf"(?:\A|[-_.+]){engine.value}[-_]?{_VERSION}(?=\Z|[-_+])", tag)
    found = named or _AT_START.match(tag)
    return found[1] if found else None


def load_recipes(*folders: Path) -> Recipes:
    """Read `*.yaml` of folders; a later folder's recipes replace or precede an earlier one's.

    Raises:
        InvalidRequestError: a file that is not one of recipes; the text names file and field.
    """
    recipes: dict[tuple[Engine, str], Recipe] = {}
    vulnerabilities: dict[str, Vulnerability] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.yaml")):
            read = _read(path.read_text(encoding="utf-8"), path.name)
            replaced = {key: recipe for key, recipe in recipes.items() if key not in read[0]}
            recipes = read[0] | replaced if folder is not folders[0] else replaced | read[0]
            vulnerabilities |= read[1]
    return Recipes(tuple(recipes.values()), tuple(vulnerabilities.values()))


def _newest(engine: Engine, recipes: Recipes) -> Recipe:
    found = recipes.of(engine)
    if not found:
        raise InvalidRequestError(f"{engine.value}: no recipe; add one to the catalogue")
    safe = [recipe for recipe in found if not recipes.known(engine, recipe.version)]
    return max(safe or found, key=lambda recipe: release(recipe.version))


def _covering(engine: Engine, version: str, recipes: Recipes) -> Recipe:
    release(version)
    found = recipes.of(engine)
    for recipe in found:
        if version in recipe.versions:
            return recipe
    ranges = ", ".join(str(recipe.versions) for recipe in _by_version(found)) or "none"
    raise InvalidRequestError(
        f"{TITLES[engine]} {version}: no recipe covers it; there are recipes for {ranges};"
        " choose a version of these, or add a recipe"
    )


def _by_version(recipes: Iterable[Recipe]) -> Sequence[Recipe]:
    return sorted(recipes, key=lambda recipe: release(recipe.versions.since))


def _doubts(recipe: Recipe, version: str, told: str | None, recipes: Recipes) -> Iterable[str]:
    title = TITLES[recipe.engine]
    newest = max((r.version for r in recipes.of(recipe.engine)), key=release)
    if release(version) > release(newest):
        yield (
            f"{title} {version} is newer than {newest}, the newest release read; it is started"
            " like that one"
        )
    if told and release(told) != release(version):
        yield f"the image's tag tells {title} {told}, the request {version}; {version} is taken"


class _Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    versions: str
    version: str
    base: str
    image: str
    ray_in_image: bool = False


class _Vulnerability(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    versions: str
    fixed: str
    what: str
    source: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    engine: Engine
    recipes: tuple[_Recipe, ...] = ()
    vulnerabilities: tuple[_Vulnerability, ...] = ()


def _read(
    text: str, source: str
) -> tuple[dict[tuple[Engine, str], Recipe], dict[str, Vulnerability]]:
    try:
        file = msgspec.convert(load_mapping(text, source), _File)
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"{source}: {printable(str(error))}") from error
    recipes = [_recipe(file.engine, entry, f"{source}: {entry.name}") for entry in file.recipes]
    return {(recipe.engine, recipe.name): recipe for recipe in recipes}, {
        v.id: Vulnerability(
            v.id, file.engine, Range.read(v.versions, f"{source}: {v.id}"), v.fixed, v.what,
            v.source,
        )
        for v in file.vulnerabilities
    }  # fmt: skip


def _recipe(engine: Engine, entry: _Recipe, source: str) -> Recipe:
    versions = Range.read(entry.versions, source)
    if entry.version not in versions:
        raise InvalidRequestError(
            f"{source}: version {entry.version} is not in its own range; correct one of them"
        )
    recipe = Recipe(
        entry.name, engine, versions, entry.version, entry.base, entry.image, entry.ray_in_image
    )
    check_image(recipe.image_of(recipe.version))
    if "/vllm-ray" in recipe.base and not recipe.ray_in_image:
        raise InvalidRequestError(
            f"{source}: its base starts Ray; say ray_in_image: true once you know the image has it"
        )
    return recipe

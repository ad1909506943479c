"""Pure: YAML text to plain values and back, in the subset that Go and Python read alike.

Reading refuses what hides or explodes: duplicate keys, anchors and aliases, tags, deep nesting,
large files. Writing quotes every string that a YAML 1.1 or 1.2 reader could take for another
type (PyYAML alone writes `1e3` bare, and kustomize then reads the number 1000).
"""

import math
import re
from collections.abc import Mapping
from typing import Any, cast

import yaml

from gitops.errors import InvalidRequestError

MAX_BYTES = 1_000_000
"""Largest YAML file we read, in bytes; a rendered overlay has under 20,000."""

MAX_DEPTH = 100
"""Deepest nesting we read; a pod template has about 15 levels."""

_PLAIN = re.compile(r"(?:[A-Za-z_/]|--[a-z]|\.\./)[A-Za-z0-9_./-]*\Z")
_NOT_STRINGS = frozenset(
    "y n yes no on off true false null nan inf infinity".split()  # noqa: SIM905 - reads as words
)

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def load(text: str, source: str) -> Any:  # noqa: ANN401 - any YAML value
    """Return the one document of `text`; `source` names it in errors.

    Raises:
        InvalidRequestError: not YAML, or YAML of a kind we refuse.
    """
    documents = load_all(text, source)
    if len(documents) != 1:
        raise InvalidRequestError(f"{source}: expected one YAML document, found {len(documents)}")
    return documents[0]


def load_mapping(text: str, source: str) -> dict[str, Any]:
    """Return the one document of `text`, which must be a mapping."""
    document = load(text, source)
    if not isinstance(document, dict):
        raise InvalidRequestError(f"{source}: expected a mapping, found {document!r:.60}")
    return cast("dict[str, Any]", document)


def load_all(text: str, source: str = "YAML") -> list[Any]:
    """Return the documents of `text`, without the empty ones.

    Raises:
        InvalidRequestError: not YAML, or YAML of a kind we refuse.
    """
    if len(text) > MAX_BYTES:
        raise InvalidRequestError(f"{source}: larger than {MAX_BYTES} bytes")
    try:
        _refuse_traps(text, source)
        documents = list(yaml.load_all(text, Loader=_Strict))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{source}: {_one_line(error)}") from error
    return [document for document in documents if document is not None]


def dump(value: object) -> str:
    """Return `value` as block-style YAML; strings that could be misread are double-quoted."""
    return cast("str", yaml.dump(value, Dumper=_Quoting, **_STYLE))


def dump_all(values: list[Mapping[str, object]]) -> str:
    """Return several documents, separated by `---`."""
    return cast("str", yaml.dump_all(values, Dumper=_Quoting, **_STYLE))


_STYLE: Mapping[str, Any] = {
    "sort_keys": False,
    "allow_unicode": True,
    "width": 10_000,  # never fold: a folded argument is hard to review
    "default_flow_style": False,
}


class _Strict(_Loader):  # type: ignore[misc] # the C loader, or PyYAML's own where C is missing
    """Refuses a key that stands twice in one mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        made: dict[Any, Any] = {}  # `<<` is a key as any other here: nothing is merged
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is not a string", key_node.start_mark
                )
            if key in made:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            made[key] = self.construct_object(value_node, deep=deep)
        return made


class _Quoting(_Dumper):  # type: ignore[misc] # as above
    """Writes strings that could be misread in double quotes, and never an alias."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Write everything out: our reader refuses aliases."""
        return True


def _represent_text(dumper: Any, text: str) -> yaml.ScalarNode:  # noqa: ANN401 - PyYAML's dumper
    style = None if _PLAIN.match(text) and text.lower() not in _NOT_STRINGS else '"'
    return cast("yaml.ScalarNode", dumper.represent_scalar("tag:yaml.org,2002:str", text, style))


_Quoting.add_representer(str, _represent_text)


# What a bare word means: the YAML 1.2 core types in their decimal form and nothing else, so that
# dates, `yes`, `1_000`, `0x10`, `=` and `<<` stay strings, as they are to Kubernetes' writers.
_BARE: Mapping[str, tuple[str, str]] = {
    "bool": (r"(?:true|True|TRUE|false|False|FALSE)\Z", "tTfF"),
    "null": (r"(?:~|null|Null|NULL|)\Z", "~nN"),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)\Z", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+)\Z",
        "-+.0123456789",
    ),
}


def _construct_float(loader: Any, node: yaml.ScalarNode) -> float | str:  # noqa: ANN401 - PyYAML's
    text = str(loader.construct_scalar(node))
    value = float(text)
    return text if math.isinf(value) else value  # Go takes 12e4567 for a string: it is no number


def _resolve_core_types() -> None:
    _Strict.add_constructor("tag:yaml.org,2002:float", _construct_float)
    _Strict.yaml_implicit_resolvers = {}
    for name, (pattern, first) in _BARE.items():
        firsts = [*first, ""] if name == "null" else list(first)
        _Strict.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(pattern), firsts)


_resolve_core_types()


_ANCHOR = re.compile(r"(?:^|[\s\[{,:?-])[&*][0-9A-Za-z_-]", re.MULTILINE)
_INDENT = re.compile(r"^[ ]*(?:[-?] +)*", re.MULTILINE)


def _is_plain(text: str) -> bool:
    """Say whether a look at the text alone rules out anchors, aliases and deep nesting.

    A level of nesting takes at least a column of indentation (a `- ` counts as two) or a bracket.
    """
    if _ANCHOR.search(text):
        return False
    indent = max((len(found) for found in _INDENT.findall(text)), default=0)
    return indent + text.count("[") + text.count("{") < MAX_DEPTH


def _refuse_traps(text: str, source: str) -> None:
    if _is_plain(text):
        return
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise InvalidRequestError(f"{source}: anchors and aliases are refused; write it out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise InvalidRequestError(f"{source}: nested deeper than {MAX_DEPTH} levels")


def _one_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error)).strip()

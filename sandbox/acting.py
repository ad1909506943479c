"""Acts that somebody may ask for: each is a method, and its signature is the type of a body.

The control API and the stories take acts from tables of such values. A table is built when the
sandbox starts, so a method that is missing, or a parameter of no JSON type, fails there.
"""

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from werkzeug.exceptions import BadRequest, Conflict

_POSITIONAL = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Named:
    """What a body says for one parameter: its own word, a default, and a way to read the value."""

    parameter: str
    default: str | None = None
    read: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Act:
    """One act: `body` is the type of what it is asked with, `refused` what its world refuses with.

    `names` maps the words of a body to parameters where they differ.
    """

    method: Callable[..., object]
    body: type[msgspec.Struct]
    names: Mapping[str, Named]
    refused: tuple[type[Exception], ...] = ()

    @classmethod
    def of(
        cls,
        method: Callable[..., object],
        *refused: type[Exception],
        **names: Named,
    ) -> "Act":
        """Return the act of a method; `names` renames parameters in the body.

        Raises:
            TypeError: a parameter that no JSON body can give.
        """
        words = {named.parameter: (word, named) for word, named in names.items()}
        hints = typing.get_type_hints(method)
        fields: list[Any] = []
        for parameter in inspect.signature(method).parameters.values():
            if parameter.kind not in _POSITIONAL:
                raise TypeError(f"{method.__qualname__}: *{parameter.name} cannot be in a body")
            word, named = words.pop(parameter.name, (parameter.name, Named(parameter.name)))
            fields.append((word, hints[parameter.name], *_default(parameter, named)))
        if words:
            raise TypeError(f"{method.__qualname__} has no parameter {', '.join(words)}")
        body = msgspec.defstruct("Body", fields, kw_only=True, forbid_unknown_fields=True)
        msgspec.json.schema(body, schema_hook=_anything)  # what JSON does not know fails now
        return cls(method, body, names, refused)

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words of a body."""
        return self.body.__struct_fields__

    @property
    def main_word(self) -> str | None:
        """Return what a story says right after the act's name: the first word that must be."""
        fields = msgspec.structs.fields(self.body)
        must = [field.name for field in fields if field.required]
        return next(iter(must or self.words), None)

    def signature(self) -> dict[str, str]:
        """Return each word with its type and default, for people."""
        return {field.name: _described(field) for field in msgspec.structs.fields(self.body)}

    def check(self, fields: Mapping[str, object]) -> msgspec.Struct:
        """Return the body that fields make.

        Raises:
            BadRequest: an unknown, missing or wrong field; the text names it.
        """
        try:
            return msgspec.convert(fields, self.body)
        except msgspec.ValidationError as error:
            text = f"{error}".replace("`", "").replace("$.", "")
            raise BadRequest(f"{text}; it takes {self._takes()}") from error

    def perform(self, fields: Mapping[str, object]) -> object:
        """Do it, and return what the method returns, as builtins.

        Raises:
            BadRequest: the body is wrong; the text names the field. Also a ValueError of the world.
            Conflict: the world refuses; NotFound if it says so itself.
        """
        body = self.check(fields)
        try:
            return msgspec.to_builtins(self.method(**self._arguments(body)))
        except self.refused as error:
            raise Conflict(f"{type(error).__name__}: {error}") from error
        except ValueError as error:
            raise BadRequest(str(error)) from error

    def _arguments(self, body: msgspec.Struct) -> dict[str, object]:
        given: dict[str, Any] = msgspec.structs.asdict(body)
        renamed = [(self.names.get(word, Named(word)), value) for word, value in given.items()]
        return {
            named.parameter: named.read(value) if isinstance(value, str) else value
            for named, value in renamed
        }

    def _takes(self) -> str:
        told = [f"{word}: {kind}" for word, kind in self.signature().items()]
        return ", ".join(told) or "nothing"


def _anything(kind: type) -> dict[str, Any]:
    """Return the JSON schema of a type that msgspec does not know: of `object` only."""
    if kind is object:
        return {"description": "any JSON value"}
    raise TypeError(f"no JSON body can give a {kind.__name__}")


def _default(parameter: inspect.Parameter, named: Named) -> tuple[object, ...]:
    if named.default is not None:
        return (named.default,)
    return () if parameter.default is parameter.empty else (parameter.default,)


def _described(field: msgspec.structs.FieldInfo) -> str:
    kind = getattr(field.type, "__name__", None)
    name = kind if kind and not typing.get_args(field.type) else str(field.type)
    name = name.replace("typing.", "").replace("collections.abc.", "")
    return name if field.default is msgspec.NODEFAULT else f"{name} = {field.default!r}"

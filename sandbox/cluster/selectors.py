"""Pure: label and field selectors. Source: k8s.io/apimachinery/pkg/labels and fields."""

import re
from collections.abc import Callable

from sandbox.cluster.objects import Object, labels
from sandbox.cluster.refusals import bad_request

Wanted = Callable[[Object], bool]

_SET = re.compile(r"\s*(?P<key>[^\s!=,]+)\s+(?P<verb>in|notin)\s+\((?P<values>[^)]*)\)\s*")
_EQUAL = re.compile(r"\s*(?P<key>[^\s!=,]+)\s*(?P<verb>==|=|!=)\s*(?P<value>[^\s,]*)\s*")
_EXISTS = re.compile(r"\s*(?P<verb>!?)\s*(?P<key>[^\s!=,]+)\s*")
_COMMA = re.compile(r",(?![^(]*\))")  # not the commas between brackets


def by_labels(selector: str) -> Wanted:
    """Return the test of a label selector; "" wants everything."""
    terms = [_term(term) for term in _COMMA.split(selector) if term.strip()]
    return lambda item: all(term(item) for term in terms)


def by_fields(selector: str) -> Wanted:
    """Return the test of a field selector, such as `involvedObject.name=a,type!=Normal`."""
    terms = [_EQUAL.fullmatch(term) for term in selector.split(",") if term]
    if not all(terms):
        raise bad_request(f"invalid field selector {selector}")
    wanted = [(term["key"], term["verb"] == "!=", term["value"]) for term in terms if term]
    return lambda item: all(
        (_field(item, key) == value) != negated for key, negated, value in wanted
    )


def _term(text: str) -> Wanted:
    if match := _SET.fullmatch(text):
        values = {each.strip() for each in match["values"].split(",")}
        key, inside = match["key"], match["verb"] == "in"
        return lambda item: (labels(item).get(key) in values) == inside
    if match := _EQUAL.fullmatch(text):
        key, value, equal = match["key"], match["value"], match["verb"] != "!="
        return lambda item: (labels(item).get(key) == value) == equal
    if match := _EXISTS.fullmatch(text):
        key, wanted = match["key"], not match["verb"]
        return lambda item: (key in labels(item)) == wanted
    raise bad_request(f"unable to parse requirement: {text}")


def _field(item: Object, path: str) -> str:
    value: object = item
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return str(value)

"""Bodies and queries on their way in: bytes that anybody may have sent, made into plain values or refused.

Strict where two readers might disagree or a later step would fail: double names, NaN, lone surrogates, NUL, numbers
beyond 64 bits, nesting (reliability page, section 9).  What was wrong is a value; the surface words it.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

DEEPEST = 64
LARGEST = 2**63  # what a 64-bit column holds
KINDS: Mapping[type, str] = {str: "string", int: "number", bool: "boolean", list: "array", dict: "object"}

S = TypeVar("S", bound=msgspec.Struct)


class NotAnObject(Exception):
    """The body is no JSON object, or not JSON at all."""


class BadField(Exception):
    """Something is wrong with ``field``, as it is called on the wire."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class Missing(BadField):
    """A required field is absent, null or empty."""


class WrongType(BadField):
    """A field is not of the ``kind`` that it must be: "string", "number"."""

    def __init__(self, field: str, kind: str) -> None:
        super().__init__(field)
        self.kind = kind


class BadValue(BadField):
    """A field is of the right kind, and not what it may be; ``reason`` says what is expected."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field)
        self.reason = reason


# Bodies


def read_object(raw: bytes) -> dict[str, Any]:
    """Raises NotAnObject."""
    value = read_json(raw)
    if isinstance(value, dict) and is_sound(value):
        return value
    raise NotAnObject


def read_json(raw: bytes) -> Any:
    """Any JSON; whether what is in it can be stored, ``is_sound`` says.  Raises NotAnObject for what is none."""
    try:
        return json.loads(raw.decode(), **_STRICT)
    except (ValueError, RecursionError):  # of which UnicodeDecodeError and JSONDecodeError are kinds
        raise NotAnObject from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_STRICT: dict[str, Any] = {"object_pairs_hook": _once, "parse_constant": _refuse}


def is_sound(value: Any, deeper: int = DEEPEST) -> bool:
    """Whether everything in it can be stored and sent on."""
    match value:
        case str():
            return _is_text(value)
        case bool() | None:
            return True
        case int():
            return -LARGEST <= value < LARGEST
        case float():
            return math.isfinite(value)
        case list():
            return deeper > 0 and all(is_sound(one, deeper - 1) for one in value)
        case dict():
            return deeper > 0 and all(_is_text(name) and is_sound(one, deeper - 1) for name, one in value.items())
    return False


def _is_text(text: str) -> bool:
    """SQLite would store NUL, PostgreSQL would not; neither takes half a character."""
    return "\0" not in text and (text.isascii() or not _HALF.search(text))


_HALF = re.compile("[\ud800-\udfff]")


# Fields


@dataclass(frozen=True, slots=True)
class Field:
    """What a Struct says of one of its fields."""

    attribute: str
    name: str  # on the wire
    type: type
    required: bool


@cache
def fields(model: type[msgspec.Struct]) -> tuple[Field, ...]:
    """In declared order.  A field may be a plain type, a Struct or words, each with None or not, annotated or not."""
    hints = get_type_hints(model)
    names = zip(model.__struct_fields__, model.__struct_encode_fields__, strict=True)
    optional = len(model.__struct_fields__) - len(model.__struct_defaults__)
    return tuple(
        Field(attribute, name, _plain(hints[attribute]), n < optional) for n, (attribute, name) in enumerate(names)
    )


def _plain(hint: Any) -> type:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = [kind for kind in get_args(hint) if kind is not NoneType]
    kind = get_origin(hint) or hint
    if kind is Literal:
        kind = type(get_args(hint)[0])
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        kind = dict
    assert kind in KINDS, hint
    return kind  # type: ignore[no-any-return]


def take(model: type[S], values: Mapping[str, Any], *, exact: bool = False) -> S:
    """The fields of ``model``, and nothing else, out of a JSON object.  ``null`` for an optional one is its default.

    Raises Missing for the first that is required and absent, null or empty, then WrongType for the first that is wrong;
    where it must be ``exact``, BadValue for the first that is not as its type describes it.
    """
    wanted = fields(model)
    for field in wanted:
        if field.required and values.get(field.name) in (None, ""):
            raise Missing(field.name)
    given = [field for field in wanted if values.get(field.name) is not None]
    for field in given:
        if type(values[field.name]) is not field.type:
            raise WrongType(field.name, KINDS[field.type])
    if exact:
        return _convert(model, {field.name: values[field.name] for field in given})
    return model(**{field.attribute: values[field.name] for field in given})


def _convert(model: type[S], values: Mapping[str, Any]) -> S:
    """Raises BadValue."""
    try:
        return msgspec.convert(values, model)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        raise BadValue(path.rstrip("`"), reason[:1].lower() + reason[1:]) from None


_WHOLE = re.compile(r"-?[0-9]{1,19}")


def take_query(model: type[S], values: Mapping[str, str], *, exact: bool = False) -> S:
    """The same out of a query, where numbers are written in digits.  Raises Missing, WrongType."""
    given: dict[str, Any] = dict(values)
    for field in fields(model):
        text = values.get(field.name)
        if text is not None and field.type is int:
            whole = _WHOLE.fullmatch(text) is not None and -LARGEST <= int(text) < LARGEST
            given[field.name] = int(text) if whole else text
        elif text is not None and not _is_text(text):
            raise WrongType(field.name, KINDS[field.type])
    return take(model, given, exact=exact)

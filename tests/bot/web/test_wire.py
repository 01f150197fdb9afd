"""Fields on their way in, where what their types say is checked, too."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from bot.web import wire


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    yes: bool = False


class Model(msgspec.Struct):
    name: Annotated[str, Meta(max_length=3)]
    kind: Literal["a", "b"] | None = None
    inner: Inner | None = None
    some: Annotated[list[int], Meta(max_length=2)] | None = None


def test_what_is_as_described_is_taken_and_the_rest_is_passed_over() -> None:
    given = {"name": "abc", "kind": "b", "inner": {"yes": True}, "some": [1], "more": 1}
    assert wire.take(Model, given, exact=True) == Model("abc", "b", Inner(True), [1])
    assert wire.take(Model, {"name": "a", "kind": None, "inner": None}, exact=True) == Model("a")


@pytest.mark.parametrize(
    ("values", "error", "field"),
    [
        ({"kind": 1}, wire.Missing, "name"),
        ({"name": "abc", "kind": 1}, wire.WrongType, "kind"),
        ({"name": "abc", "inner": []}, wire.WrongType, "inner"),
        ({"name": "abc", "some": {}}, wire.WrongType, "some"),
        ({"name": "abcd"}, wire.BadValue, "name"),
        ({"name": "abc", "kind": "c"}, wire.BadValue, "kind"),
        ({"name": "abc", "inner": {"yes": 1}}, wire.BadValue, "inner.yes"),
        ({"name": "abc", "inner": {"no": True}}, wire.BadValue, "inner"),
        ({"name": "abc", "some": [1, 2, 3]}, wire.BadValue, "some"),
        ({"name": "abc", "some": [1, "2"]}, wire.BadValue, "some[1]"),
    ],
)
def test_what_is_not_as_described_is_named(values: Any, error: type[wire.BadField], field: str) -> None:
    with pytest.raises(error) as raised:
        wire.take(Model, values, exact=True)
    assert raised.value.field == field


def test_where_nothing_exact_is_asked_for_handlers_look_for_themselves() -> None:
    assert wire.take(Model, {"name": "much too long"}) == Model("much too long")

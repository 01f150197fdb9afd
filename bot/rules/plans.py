"""Plans: how much of each thing an account may have.  They are data (bot/plans.toml)."""

import tomllib
from collections.abc import Mapping
from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many there may be at once; None: as many as anybody likes."""

    api_keys: Count | None = None
    phones: Count | None = None  # those that wait for their code included
    subscriptions: Count | None = None  # active ones, to feeds of every source
    credits: Count | None = None  # with which an account begins on this plan; None: alerts are not counted


NOTHING = Limits(api_keys=0, phones=0, subscriptions=0)
OVERRIDABLE = {"api_keys", "phones", "subscriptions"}  # credits are each account's own anyway
Plans = Mapping[str, Limits]
Overrides = dict[str, Count | None]


def read(text: str) -> Plans:
    """Plans by name, from TOML.  Raises ValueError with what is wrong."""
    try:
        return msgspec.convert(tomllib.loads(text), dict[str, Limits])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(str(error)) from None


def limits(plans: Plans, plan: str, overrides: str) -> Limits:
    """What an account may have.  ``overrides``: JSON of the limits that are its own; a plan that is not known any
    more allows nothing new."""
    of_plan = plans.get(plan, NOTHING)
    if not overrides:
        return of_plan
    own = msgspec.json.decode(overrides, type=Overrides)
    known = {name: value for name, value in own.items() if name in OVERRIDABLE}
    return msgspec.structs.replace(of_plan, **known)


def read_overrides(values: Mapping[str, object]) -> str:
    """As an account stores them; None means: as many as anybody likes.  Raises ValueError."""
    if unknown := values.keys() - OVERRIDABLE:
        raise ValueError(f"there is no limit {min(unknown)!r}, only {', '.join(sorted(OVERRIDABLE))}")
    try:
        own = msgspec.convert(values, Overrides)
    except msgspec.ValidationError:
        raise ValueError("a limit is a whole number from 0 on, or null for none") from None
    return msgspec.json.encode(own, order="sorted").decode() if own else ""


def is_reached(limit: int | None, present: int) -> bool:
    return limit is not None and present >= limit

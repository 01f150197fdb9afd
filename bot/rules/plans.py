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


NOTHING = Limits(api_keys=0, phones=0, subscriptions=0)
Plans = Mapping[str, Limits]


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
    own = msgspec.json.decode(overrides, type=dict[str, Count | None])
    known = {name: value for name, value in own.items() if name in Limits.__struct_fields__}
    return msgspec.structs.replace(of_plan, **known)


def is_reached(limit: int | None, present: int) -> bool:
    return limit is not None and present >= limit

"""The channels and sources that are installed, made with their settings from the environment and ``.env``.

A kind says by the fields of its ``Config`` what can be set (``adapters.base.Channel``, ``Source``): ``token`` of
``whatsapp`` is ``WHATSAPP_TOKEN``, and ``WHATSAPP_TOKEN__SALES`` makes a second account, the channel
``whatsapp/sales``.  A source has one account.
"""

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from dotenv import dotenv_values
from pydantic import TypeAdapter, ValidationError

from adapters.base import Channel, Source
from adapters.http import Outbound
from bot import plugins
from bot.settings import BadSetting, read_secret

Environment = Mapping[str, str]
"""Variables by name in capitals, empty ones left out."""

_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_FILE = "_FILE"


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a channel's or source's settings, as people write it."""

    name: str  # "WHATSAPP_TOKEN"
    field: str
    default: Any
    help: str
    type: Any


def channels(outbound: Outbound, variables: Environment | None = None) -> dict[str, Channel]:
    """Every installed channel by name, and each further account that is set up.  Raises BadSetting, PluginError."""
    variables = environment() if variables is None else variables
    made: dict[str, Channel] = {}
    for kind, maker in _kinds(plugins.CHANNELS, plugins.CHANNEL_GROUP):
        if not hasattr(maker, "Config"):
            made[kind] = maker(outbound)
            continue
        known = list(settings_of(kind, maker))
        for account in accounts(known, variables):
            name = f"{kind}/{account}" if account else kind
            made[name] = maker(outbound, name, _config(maker.Config, known, account, variables))
    return made


def sources(outbound: Outbound, variables: Environment | None = None) -> dict[str, Source]:
    """Every installed source by kind.  Raises BadSetting, PluginError."""
    variables = environment() if variables is None else variables
    made: dict[str, Source] = {}
    for kind, maker in _kinds(plugins.SOURCES, plugins.SOURCE_GROUP):
        if hasattr(maker, "Config"):
            made[kind] = maker(outbound, _config(maker.Config, list(settings_of(kind, maker)), "", variables))
        else:
            made[kind] = maker(outbound)
    return made


def _kinds(ours: dict[str, str], group: str) -> Iterator[tuple[str, Any]]:
    for kind in plugins.names(ours, group):
        yield kind, plugins.load(kind, ours, group)


def settings() -> Iterator[tuple[str, Setting]]:
    """What can be set for what is built in, as ("Channel whatsapp", setting); channels before sources."""
    for kind in plugins.CHANNELS:
        for setting in settings_of(kind, plugins.load(kind, plugins.CHANNELS, plugins.CHANNEL_GROUP)):
            yield f"Channel {kind}", setting
    for kind in plugins.SOURCES:
        for setting in settings_of(kind, plugins.load(kind, plugins.SOURCES, plugins.SOURCE_GROUP)):
            yield f"Source {kind}", setting


def settings_of(kind: str, maker: Any) -> Iterator[Setting]:
    """What can be set for one kind, in the order of its fields."""
    config = getattr(maker, "Config", None)
    if config is None:
        return
    types = get_type_hints(config, include_extras=True)
    for field in dataclasses.fields(config):
        default = field.default_factory() if callable(field.default_factory) else field.default
        name = f"{kind}_{field.name}".upper().replace("-", "_")
        yield Setting(name, field.name, default, field.metadata.get("help", ""), types[field.name])


def accounts(known: list[Setting], variables: Environment) -> list[str]:
    """The accounts of a channel, the one without a name first.  Raises BadSetting."""
    names = {one.name for one in known}
    found: set[str] = set()
    for variable in variables:
        name, separator, suffix = variable.removesuffix(_FILE).partition("__")
        if not separator or name not in names:
            continue
        if not _ACCOUNT.fullmatch(suffix.lower()):
            raise BadSetting(f"{variable}: expected an account of letters, digits, _ and - after the two underscores")
        found.add(suffix.lower())
    return ["", *sorted(found)]


def _config(config: Any, known: list[Setting], account: str, variables: Environment) -> Any:
    suffix = f"__{account.upper()}" if account else ""
    given: dict[str, Any] = {}
    for one in known:
        if text := _text(f"{one.name}{suffix}", variables):
            given[one.field] = _read(f"{one.name}{suffix}", one.type, text)
    try:
        return config(**given)
    except ValueError as error:
        prefix = known[0].name.removesuffix(f"_{known[0].field.upper()}")
        raise BadSetting(f"{prefix}_…{suffix}: {error}") from None


def _text(name: str, variables: Environment) -> str:
    """What is set under a name, or stands in the file that ``NAME_FILE`` names.  Raises BadSetting."""
    if text := variables.get(name, ""):
        return text
    path = variables.get(f"{name}{_FILE}", "")
    return read_secret(name, path) if path else ""


def _read(name: str, kind: Any, text: str) -> Any:
    """``text`` as the field's type.  Raises BadSetting, which quotes nothing of it."""
    try:
        return TypeAdapter(kind).validate_strings(text)
    except ValidationError as error:
        what = error.errors(include_input=False, include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise BadSetting(f"{name}: {what}") from None


def environment() -> Environment:
    """What is set now; the environment wins over ``.env``.  Raises BadSetting."""
    try:
        file = dotenv_values(Path(".env"), encoding="utf-8") if Path(".env").is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f".env: it cannot be read ({error})") from None
    both = {name.upper(): value for name, value in file.items()}
    both |= {name.upper(): value for name, value in os.environ.items() if value}
    return {name: value for name, value in both.items() if value}

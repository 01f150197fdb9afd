"""All settings: read once from the environment (and ``.env``), checked, and then only handed on."""

import re
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import DotEnvSettingsSource, EnvSettingsSource

from bot.errors import UserError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class BadSetting(UserError):
    """A setting cannot be used; the text names its variable and what is expected."""


def delays(text: str) -> tuple[timedelta, ...]:
    """The waits that a retry setting names.  Raises ValueError."""
    found = []
    for piece in filter(None, (piece.strip() for piece in text.split(","))):
        if not (match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", piece)):
            raise ValueError(f"delays with a unit, like 5s,5m,2h (not {piece!r})")
        found.append(timedelta(seconds=float(match[1]) * _UNITS[match[2]]))
    return tuple(found)


def _delays(text: str) -> str:
    delays(text)
    return text


def _base_url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ValueError("an address like https://bell.example.org")
    return text.rstrip("/")


def _address(text: str) -> str:
    if text != "localhost":
        try:
            ip_address(text)
        except ValueError:
            raise ValueError("an IP address to listen on, like 127.0.0.1 or 0.0.0.0") from None
    return text


def _database(text: str) -> str:
    if text and not text.startswith(("postgresql://", "sqlite:///")):
        raise ValueError("postgresql://user:password@host/name, or nothing for SQLite in DATA_DIR")
    return text


def _token(text: str) -> str:
    if text and not re.fullmatch(r"[!-~]{16,200}", text):
        raise ValueError("16 to 200 letters, digits and signs without spaces, as `openssl rand -hex 24` makes them")
    return text


Delays = Annotated[str, AfterValidator(_delays)]


class Settings(BaseSettings):
    """One field per variable, named alike in capitals.  ``NAME_FILE`` names a file that holds the value."""

    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, validate_default=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    # Where it runs
    host: Annotated[str, AfterValidator(_address)] = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on")
    worker_public_base_url: Annotated[str, AfterValidator(_base_url)] = Field(
        "", description="the address under which others reach us; default: http://HOST:PORT"
    )
    data_dir: Path = Field(Path("data"), description="folder of the database, its lock and the master key")
    database_url: Annotated[str, AfterValidator(_database)] = Field(
        "", description="postgresql://…; default: SQLite in DATA_DIR"
    )
    migrate: Literal["on", "off"] = Field("on", description="on, or off: refuse to start while migrations are pending")
    metrics_port: int = Field(9464, ge=0, le=65535, description="loopback port of /metrics and health; 0: off")
    stop_seconds: float = Field(9.0, ge=1, le=600, description="seconds that a stop may take")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="text, json, or auto: text on a terminal, else json"
    )

    # Secrets
    master_key: str = Field(
        "", description="32 bytes in base64; seals stored secrets; made in DATA_DIR when absent (PostgreSQL: required)"
    )
    master_key_old: str = Field("", description="the former MASTER_KEY: still reads, until `postbell rekey` is done")

    # Feeds
    poll_seconds: int = Field(600, ge=1, le=86400, description="usual seconds between two polls of a feed")
    fetch_connections: int = Field(64, ge=1, le=1000, description="polls at the same time")
    host_connections: int = Field(2, ge=1, le=64, description="polls of one host at the same time")
    host_gap_seconds: float = Field(1.0, ge=0, le=60, description="seconds between two requests to one host")
    backfill: Literal["all", "digest", "none"] = Field(
        "digest", description="what appeared during an outage: all, digest (more than 5: 3 and a summary) or none"
    )
    egress_allow: str = Field(
        "", description="private targets that may be reached: networks with optional port, like 10.1.0.0/16:8080"
    )

    # Sending
    webhook_slots: int = Field(32, ge=1, le=1000, description="webhook messages in flight")
    chat_slots: int = Field(24, ge=1, le=1000, description="chat messages in flight")
    code_slots: int = Field(8, ge=2, le=1000, description="verification codes and answers to commands in flight")
    retry_webhook: Delays = Field(
        "5s,5m,30m,2h,5h,10h,14h,20h,24h", description="waits after failed tries of a webhook"
    )
    retry_chat: Delays = Field(
        "2s,10s,30s,2m,10m,30m,1h,2h,4h,8h", description="waits after failed tries of a chat message"
    )
    retry_code: Delays = Field("2s,5s,15s,45s", description="waits after failed tries of a verification code")
    retry_reply: Delays = Field("1s,3s,10s", description="waits after failed tries of an answer to a command")
    hold_days: int = Field(
        7, ge=1, le=30, description="days that messages wait for a person who must write first, or has said STOP"
    )
    operator_destination: int = Field(
        0, ge=0, description="id of the destination that gets the operator's notices; 0: none"
    )

    # Operators
    admin_token: Annotated[str, AfterValidator(_token)] = Field(
        "", description="lets its bearer use /admin/v1, 16 characters or more; none: only the keys of operators do"
    )

    # People
    console: Literal["on", "off"] = Field("on", description="on, or off: no pages at /console")
    simulator: Literal["on", "off"] = Field(
        "on", description="on, or off: no page of the console on which chats are tried without an account anywhere"
    )
    signup: Literal["open", "closed"] = Field(
        "closed",
        description="open: whoever writes to the bot or comes to the console gets an account; closed: by invitation",
    )
    group_managers: Literal["all", "admins", "owner"] = Field(
        "admins", description="who may change what a group gets: all, admins (and the owner) or owner"
    )
    default_plan: str = Field("unlimited", description="plan of a new account")
    plans_file: str = Field("", description="TOML of plans beside and instead of those in bot/plans.toml")
    trusted_proxies: str = Field(
        "", description="networks of proxies whose X-Forwarded-For is believed, like 10.0.0.0/8, ::1"
    )
    retention_days: int = Field(90, ge=1, le=3650, description="days that finished deliveries and old posts are kept")

    # The official-account history API that we serve
    official_sdkappid: int = Field(0, ge=0, le=2**32 - 1, description="SDKAppID that callers of /v4 name; 0: off")
    official_secret_key: str = Field("", description="key with which callers sign their UserSig, 16 characters or more")
    official_admins: str = Field("administrator", description="identifiers that may call, with commas between them")

    @property
    def database(self) -> str:
        """The database's address, SQLite's default included."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'postbell.db'}"

    @property
    def on_sqlite(self) -> bool:
        return self.database.startswith("sqlite")

    @property
    def public_base_url(self) -> str:
        """Without a slash at its end; every absolute address that we show is built from it."""
        return self.worker_public_base_url or f"http://{self.host}:{self.port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
            _Environment(settings_cls),
            _EnvironmentFile(settings_cls, env_file=".env", env_file_encoding="utf-8"),
        )


class _Environment(EnvSettingsSource):
    """The environment, where ``NAME_FILE`` may stand for ``NAME``."""

    def __call__(self) -> dict[str, Any]:
        return super().__call__() | _from_files(self)


class _EnvironmentFile(DotEnvSettingsSource):
    """``.env``, alike."""

    def __call__(self) -> dict[str, Any]:
        return super().__call__() | _from_files(self)


def _from_files(source: EnvSettingsSource) -> dict[str, str]:
    """What stands in the files that a source's ``NAME_FILE`` variables name; a ``NAME`` beside one wins."""
    named = {name: source.env_vars.get(f"{name}_file") for name in source.settings_cls.model_fields}
    return {name: read_secret(name, path) for name, path in named.items() if path and not source.env_vars.get(name)}


def read_secret(name: str, path: str) -> str:
    """What stands in the file that ``NAME_FILE`` names.  Raises BadSetting."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadSetting(f"{name.upper()}_FILE: {path} cannot be read ({reason})") from None


def load(**overrides: Any) -> Settings:
    """Read the settings; ``overrides`` win.  Raises BadSetting."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise BadSetting("\n".join(_problem(one) for one in error.errors())) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f".env: it cannot be read ({error})") from None


def _problem(error: Any) -> str:
    name = str(error["loc"][0]).upper() if error["loc"] else "settings"
    what = error["msg"].removeprefix("Value error, ")
    return f"{name}: expected {what}" if error["type"] == "value_error" else f"{name}: {what}"

"""Logs: one line each, as text or JSON, UTC, with secrets removed in one place."""

import logging
import re
import sys
from collections.abc import Callable
from typing import Any

import structlog

from bot.clock import utc_now

_SECRETS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"whsec_[A-Za-z0-9+/=_-]+"), "whsec_…"),
    (re.compile(r"\b(bws_[A-Za-z0-9_]{8})[A-Za-z0-9_]+"), r"\1…"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+"), r"\1 …"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/]+@"), r"\1…@"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s?#\"']+)\?[^\s\"']*"), r"\1?…"),
    (re.compile(r"(/open-apis/bot/v2/hook/)[\w-]+"), r"\1…"),
    (re.compile(r"\+(\d{2})\d{3,}(\d{2})\b"), r"+\1*****\2"),
)
_SECRET_NAMES = re.compile(r"(?i)(secret|token|password|api[_-]?key|authorization|cookie|master_key)")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_OF_MANY_LINES = {"exception", "stack"}


def configure(level: str, form: str) -> None:
    """``form``: "text", "json", or "auto" by what stderr is."""
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if as_text else structlog.processors.JSONRenderer()
    )
    shared: list[Any] = [structlog.stdlib.add_log_level, _time, _stack, structlog.processors.format_exc_info, redact]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("aiohttp.access", "alembic", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # it warns whenever a tick still has work to claim


def _time(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    event["time"] = utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


def redact(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """No secret, no forged line: everything textual passes here before it is written."""
    return {key: _named(key, value) for key, value in event.items()}


def _named(key: str, value: Any) -> Any:
    if key in _OF_MANY_LINES:  # all but the first are indented, so that none looks like an entry
        return "\n    ".join(clean(line) for line in str(value).split("\n"))
    return "…" if _SECRET_NAMES.search(key) and value else _clean(value)


def _clean(value: Any) -> Any:
    if isinstance(value, bool | int | float | None | logging.LogRecord):
        return value
    if isinstance(value, dict):
        return {clean(str(key)): _named(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [_clean(one) for one in value]
    return clean(str(value))


def _stack(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """A library's ``stack_info`` passes through us, or logging would append it as it is."""
    record = event.get("_record")
    if record is not None and record.stack_info:
        event["stack"], record.stack_info = record.stack_info, None
    return event


def clean(text: str) -> str:
    """A text without secrets and control characters, line breaks included, fit for a log."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)

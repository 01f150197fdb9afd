"""Logs: no secret gets through by any way into them, and nobody can forge a line."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
import structlog

from adapters.signatures import new_secret
from bot import logs

WEBHOOK_SECRET = new_secret()
SECRETS = {
    "webhook secret": (WEBHOOK_SECRET, WEBHOOK_SECRET.removeprefix("whsec_")),
    "API key": ("bws_prod_0123456789abcdefABCDEF0123456", "56789abcdefABCDEF0123456"),
    "bearer": ("Authorization: Bearer eyJhbGciOi.J9.abc-def_ghi", "eyJhbGciOi"),
    "basic": ("basic QWxhZGRpbjpvcGVu", "QWxhZGRpbjpvcGVu"),
    "address with password": ("https://user:hunter2@example.org/feed", "hunter2"),
    "query": ("https://example.org/feed?token=abc123&x=1", "abc123"),
    "query in quotes": ("'https://example.org/feed?token=abc123'", "abc123"),
    "database": ("postgresql://postbell:hunter2@db.example.org/postbell", "hunter2"),
    "database driver": ("postgresql+psycopg://postbell:hunter2@db/postbell", "hunter2"),
    "database, at sign": ("postgresql://postbell:hunt@er2@db/postbell", "er2"),
    "database, query": ("postgresql://db/postbell?user=x&password=hunter2", "hunter2"),
    "Feishu hook": ("https://open.feishu.cn/open-apis/bot/v2/hook/0a1b2c3d-4e5f", "0a1b2c3d"),
    "phone": ("+34612345678", "6123456"),
}
FORGED = "fine\n2026-01-01T00:00:00Z [error] forged\r\x1b[2K\u2028\x85forged"

log = structlog.get_logger("test")


class _Odd:
    """An object that shows a secret when it is printed."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"<Odd {self.text}>"


def fail(text: str) -> None:
    raise ValueError(text)


def by_exception(text: str) -> None:
    try:
        fail(text)
    except ValueError:
        log.exception("failed")


def by_chained_exception(text: str) -> None:
    try:
        try:
            fail(text)
        except ValueError as error:
            raise KeyError("outer") from error
    except KeyError:
        log.exception("failed")


def by_foreign_exception(text: str) -> None:
    try:
        fail(text)
    except ValueError:
        logging.getLogger("library").exception("failed with %s", text)


def by_event_loop(text: str) -> None:
    loop = asyncio.new_event_loop()
    loop.call_soon(lambda: fail(text))
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()


PATHS: dict[str, Callable[[str], object]] = {
    "event": lambda text: log.info(text),
    "value": lambda text: log.info("x", value=text),
    "bound": lambda text: log.bind(value=text).info("x"),
    "nested": lambda text: log.info("x", value={"a": [text, (text,), {text}]}),
    "bytes": lambda text: log.info("x", value=text.encode()),
    "object": lambda text: log.info("x", value=_Odd(text)),
    "error value": lambda text: log.info("x", reason=ValueError(text)),
    "exception": by_exception,
    "chained exception": by_chained_exception,
    "foreign": lambda text: logging.getLogger("library").warning(text),
    "foreign arguments": lambda text: logging.getLogger("library").warning("a %s b %r", text, [text]),
    "foreign exception": by_foreign_exception,
    "foreign stack": lambda text: logging.getLogger("library").warning("x %s", text, stack_info=True),
    "event loop": by_event_loop,
}


@pytest.fixture(params=["text", "json"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """What reaches stderr, in either form."""
    stream = StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("debug", request.param)
    yield stream
    monkeypatch.undo()


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    logs.configure("error", "json")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_reaches_the_log(written: StringIO, path: str, kind: str) -> None:
    text, secret = SECRETS[kind]
    PATHS[path](f"before {text} after")
    assert written.getvalue()
    assert secret not in written.getvalue()


@pytest.mark.parametrize(
    "name",
    ["secret", "api_key", "x-api-key", "Authorization", "cookie", "set-cookie", "password", "MASTER_KEY", "token"],
)
def test_what_is_called_a_secret_is_not_written_at_any_depth(written: StringIO, name: str) -> None:
    log.info("x", **{name: "hunter2"})
    log.info("x", headers={name: "hunter2"}, deep=[{"a": {name: ["hunter2"]}}])
    assert "hunter2" not in written.getvalue()


@pytest.mark.parametrize("path", PATHS)
def test_nobody_can_forge_a_line(written: StringIO, path: str) -> None:
    PATHS[path](FORGED)
    lines = written.getvalue().split("\n")
    assert not [line for line in lines if line.startswith(("2026-01-01", "forged"))]
    assert not set("\r\x1b\u2028\x85") & set(written.getvalue())


def test_ordinary_things_stay_readable(written: StringIO) -> None:
    log.info("recorded", posts=3, ok=True, share=0.5, nothing=None, url="https://example.org/a/b", text="grüße 你好 🎉")
    line = written.getvalue()
    for expected in ("recorded", "3", "https://example.org/a/b"):
        assert expected in line
    if line.startswith("{"):
        assert json.loads(line)["text"] == "grüße 你好 🎉"
        assert json.loads(line)["posts"] == 3


def test_json_is_one_object_a_line_with_level_and_utc_time(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    by_exception("boom")
    logging.getLogger("library").warning("hello")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["level"] for line in lines] == ["error", "warning"]
    assert all(line["time"].endswith("Z") for line in lines)
    assert "boom" in lines[0]["exception"]


def test_a_traceback_of_a_library_is_kept(written: StringIO) -> None:
    by_foreign_exception("boom")
    assert "ValueError" in written.getvalue()
    assert "in fail" in written.getvalue()


def test_the_level_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "json")
    log.info("quiet")
    logging.getLogger("library").info("quiet")
    log.warning("loud")
    written = capsys.readouterr().err
    assert "quiet" not in written
    assert "loud" in written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bws_prod_0123456789abcdefABCDEF0123456", "bws_prod_012…"),
        ("call +34612345678 now", "call +34*****78 now"),
        ("https://u:p@h.org/x?y=z", "https://…@h.org/x?…"),
        ("see https://example.org/a", "see https://example.org/a"),
        ("1+1234 is no phone", "1+1234 is no phone"),
    ],
)
def test_what_is_left_tells_which_it_was(text: str, expected: str) -> None:
    assert logs.clean(text) == expected

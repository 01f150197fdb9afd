"""Where documents are read, and what becomes of those that were made to hurt."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.base import FeedFailed, FeedFault
from adapters.sources import formats
from adapters.sources.parser import Limits, Parser
from adapters.sources.parser_child import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_ENTITIES,
    MAX_ENTITY_CHARS,
    prescan,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
URL = "https://example.org/feed.xml"


@pytest.fixture
async def parser() -> AsyncIterator[Parser]:
    async with Parser(children=2, limits=Limits(cpu_seconds=1)) as parser:
        yield parser


def rss(*titles: str, tail: str = "", item: str = "") -> bytes:
    items = "".join(f"<item><title>{title}</title><guid>urn:{title}</guid>{item}</item>" for title in reversed(titles))
    return f'<rss version="2.0"><channel><title>News</title>{items}{tail}</channel></rss>'.encode()


ILL_FORMED = rss("Second", "Third", tail="<b><i></b></i>")
COSTLY = rss("x", tail=f"</b><item><author>a@{'a.' * 50_000}</author></item>")  # feedparser issue 562


async def parse(parser: Parser, body: bytes) -> formats.Document:
    return await parser.parse(body, "application/rss+xml", URL, NOW)


async def test_a_small_regular_document_starts_no_child(parser: Parser) -> None:
    document = await parse(parser, rss("First", "Second"))
    assert [post.title for post in document.posts] == ["First", "Second"]
    assert children_of(os.getpid()) == []


async def test_a_large_document_is_read_in_a_child_to_the_same_result(parser: Parser) -> None:
    large = rss("First", "Second", item="<description>" + "word " * 60_000 + "</description>")
    assert not formats.fits_in_process(large)
    assert await parse(parser, large) == formats.read(large, content_type="application/rss+xml", url=URL, now=NOW)
    assert len(children_of(os.getpid())) == 1


async def test_an_ill_formed_document_is_read_in_a_child(parser: Parser) -> None:
    document = await parse(parser, ILL_FORMED)
    assert [post.title for post in document.posts][:2] == ["Second", "Third"]
    assert len(children_of(os.getpid())) == 1


async def test_children_are_used_again_and_never_too_many(parser: Parser) -> None:
    await asyncio.gather(*(parse(parser, ILL_FORMED) for _ in range(6)))
    children = children_of(os.getpid())
    assert 1 <= len(children) <= 2
    await parse(parser, ILL_FORMED)
    assert children_of(os.getpid()) == children


async def test_what_is_not_a_feed_is_said_by_a_child_as_well(parser: Parser) -> None:
    page = b"<!doctype html><html><body>" + b"<p>Hello.</p>" * 30_000
    with pytest.raises(FeedFailed) as caught:
        await parse(parser, page)
    assert caught.value.fault is FeedFault.NOT_A_FEED
    assert parser.killed == 0


async def test_a_document_that_costs_too_much_costs_a_child_and_no_more(parser: Parser) -> None:
    with pytest.raises(FeedFailed, match="hostile or oversized feed") as caught:
        await parse(parser, COSTLY)
    assert caught.value.fault is FeedFault.HOSTILE
    assert parser.killed == 1
    assert children_of(os.getpid()) == []
    assert (await parse(parser, ILL_FORMED)).posts


async def test_a_child_that_stops_answering_is_given_up_in_time() -> None:
    async with Parser(children=1, limits=Limits(cpu_seconds=60, wall_seconds=0.3)) as parser:
        await parse(parser, rss("warm", tail="<b></i>"))
        (child,) = children_of(os.getpid())
        os.kill(child, signal.SIGSTOP)
        with pytest.raises(FeedFailed, match="hostile or oversized feed"):
            await parse(parser, ILL_FORMED)
        assert parser.killed == 1
        assert children_of(os.getpid()) == []


async def test_a_child_that_wants_too_much_memory_ends() -> None:
    async with Parser(children=1, limits=Limits(memory_bytes=160 * 2**20)) as parser:
        await parse(parser, ILL_FORMED)
        with pytest.raises(FeedFailed, match="hostile or oversized feed") as caught:
            await parse(parser, rss(*"abcdef", item="word " * 1_500_000))
        assert caught.value.fault is FeedFault.HOSTILE
        assert parser.killed == 1
        assert (await parse(parser, ILL_FORMED)).posts


async def test_a_child_is_replaced_after_so_many_parses() -> None:
    async with Parser(children=1, limits=Limits(parses=2)) as parser:
        await parse(parser, ILL_FORMED)
        first = children_of(os.getpid())
        await parse(parser, ILL_FORMED)
        assert children_of(os.getpid()) == []
        await parse(parser, ILL_FORMED)
        assert children_of(os.getpid()) != first


async def test_a_child_that_died_idle_is_no_documents_fault(parser: Parser) -> None:
    await parse(parser, ILL_FORMED)
    (child,) = children_of(os.getpid())
    os.kill(child, signal.SIGKILL)
    await until(lambda: not alive(child))
    for _ in range(5):  # for the loop to notice
        await asyncio.sleep(0)
    assert (await parse(parser, ILL_FORMED)).posts
    assert parser.killed == 0


async def test_a_cancelled_parse_leaves_no_answer_for_the_next(parser: Parser) -> None:
    parsing = asyncio.create_task(parse(parser, COSTLY))
    await until(lambda: bool(children_of(os.getpid())))
    parsing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await parsing
    assert children_of(os.getpid()) == []
    assert [post.title for post in (await parse(parser, ILL_FORMED)).posts][:2] == ["Second", "Third"]
    assert parser.killed == 0


async def test_closing_ends_all_children(parser: Parser) -> None:
    await asyncio.gather(*(parse(parser, ILL_FORMED) for _ in range(2)))
    await parser.close()
    assert children_of(os.getpid()) == []


async def test_a_child_does_not_inherit_the_environment(parser: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHATSAPP_TOKEN", "secret")
    await parse(parser, ILL_FORMED)
    (child,) = children_of(os.getpid())
    assert b"PYTHONPATH" in environment_of(child)
    assert b"secret" not in environment_of(child)


def test_children_end_with_their_parent() -> None:
    code = (
        "import asyncio, os, signal\n"
        "from tests.adapters.sources.test_parser import ILL_FORMED, Parser, children_of, parse\n"
        "async def main():\n"
        "    await parse(Parser(), ILL_FORMED)\n"
        "    print(*children_of(os.getpid()), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False, timeout=30)
    assert parent.returncode == -signal.SIGKILL
    child = int(parent.stdout)
    deadline = time.monotonic() + 10
    while alive(child):  # it ends by itself, after us
        assert time.monotonic() < deadline
        os.sched_yield()


def test_a_child_imports_nothing_of_the_program() -> None:
    code = "import adapters.sources.parser_child, sys; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout.decode()
    loaded = {name.partition(".")[0] for name in modules.split()}
    assert not loaded & {"aiohttp", "asyncio", "feedparser", "sqlalchemy", "bot", "storage"}


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # the state of another process: there is no event to wait for
        await asyncio.sleep(0)


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def children_of(pid: int) -> list[int]:
    """Processes started by ``pid`` that have not ended."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [child for child in map(int, children) if alive(child)]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


# --- The pre-scan ------------------------------------------------------------------------------------------


def doctype(declarations: str) -> bytes:
    return f"<!DOCTYPE rss [{declarations}]><rss/>".encode()


def nested(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


def tag(attributes: int) -> bytes:
    return b"<a " + b" ".join(b'a%d=""' % number for number in range(attributes)) + b"/>"


@pytest.mark.parametrize(
    "body",
    [
        rss("one"),
        nested(MAX_DEPTH),
        tag(MAX_ATTRIBUTES),
        b"<a>" + b"<b/>" * (MAX_ELEMENTS - 1) + b"</a>",
        b'<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.example/rss.dtd"><rss/>',
        doctype("".join(f'<!ENTITY e{n} "x">' for n in range(MAX_ENTITIES))),
        doctype('<!ENTITY nbsp "&#160;"><!ENTITY amp "&#38;#38;">'),
        doctype(f'<!ENTITY long "{"x" * MAX_ENTITY_CHARS}">'),
        ILL_FORMED,
        b"<a></b>" + nested(MAX_DEPTH + 1),
        b'<?xml version="1.0" encoding="gb2312"?><rss/>',
        b"",
    ],
)
def test_a_harmless_document_passes(body: bytes) -> None:
    prescan(body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (nested(MAX_DEPTH + 1), "nested too deeply"),
        (tag(MAX_ATTRIBUTES + 1), "too many attributes"),
        (b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>", "too many elements"),
        (doctype('<!ENTITY x SYSTEM "file:///etc/passwd">'), "external entities"),
        (doctype("<!ENTITY % x \"<!ENTITY y 'z'>\">"), "external entities"),
        (doctype('<!ENTITY % x SYSTEM "http://127.0.0.1/x">'), "external entities"),
        (doctype("".join(f'<!ENTITY e{n} "x">' for n in range(MAX_ENTITIES + 1))), "could grow"),
        (doctype(f'<!ENTITY long "{"x" * (MAX_ENTITY_CHARS + 1)}">'), "could grow"),
        (doctype('<!ENTITY a "lol"><!ENTITY b "&a;&a;">'), "could grow"),
    ],
)
def test_a_document_made_to_hurt_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(FeedFailed, match=why) as caught:
        prescan(body)
    assert caught.value.fault is FeedFault.HOSTILE

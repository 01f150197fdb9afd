"""The console's deliveries: the list and its filters, one's whole trail, sending one or many again."""

import asyncio
import re
import time
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy import insert, update

from bot.usecases.console import deliveries, flow
from storage import models
from storage.database import Work
from tests import world
from tests.bot.web.gateway import Caller, Served
from tests.bot.web.people import Person, signed_in
from tests.bot.web.test_console_flow import HOSTILE, deliveries_of, follower
from tests.world import item

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def person(served: Served, caller: Caller, **more: Any) -> Person:
    return await signed_in(served, account_id=caller.account_id, **more)


async def ids_of(served: Served, caller: Caller) -> list[int]:
    return [row.id for row in await served.database.read(deliveries_of, caller.account_id)]


def attempt(work: Work, /, delivery_id: int, **fields: Any) -> None:
    usual = {
        "delivery_id": delivery_id, "n": 1, "started_at": work.now, "ended_at": work.now + timedelta(seconds=1),
        "outcome": "retry", "code": "http_500", "status": 500, "response": HOSTILE,
    }  # fmt: skip
    work.session.execute(insert(models.Attempt.__table__), [usual | fields])


def titles(text: str) -> list[str]:
    return re.findall(r'<a href="/console/deliveries/\d+">([^<]*)</a>', text)


# The list


async def test_an_account_without_deliveries_is_told_what_comes(served: Served) -> None:
    async with await signed_in(served) as ann:
        assert "No deliveries yet" in (await ann.get("/deliveries")).words


async def test_the_list_goes_back_page_by_page(served: Served) -> None:
    caller, _ = await follower(served, "pages", 120)
    async with await person(served, caller) as ann:
        seen: list[str] = []
        paths = ["/deliveries"]
        while paths and len(seen) < 1000:
            text = (await ann.get(paths.pop())).text
            seen += titles(text)
            paths = re.findall(r'rel="next" href="/console([^"]*)"', text)
        assert seen == [f"Post pages {n}" for n in range(119, -1, -1)]


async def test_filters_narrow_the_list(served: Served) -> None:
    caller, _ = await follower(served, "first", 3)
    other = served.feeds.add(f"https://second.example.org/{caller.account_id}", title="second")
    to = await caller.webhook("second")
    made = await caller.follows(other, to["id"])
    await served.post("feed", other, item("second 0"))
    ids = await ids_of(served, caller)
    await served.settle(ids[0], state="failed", error_code="no_credits", error="no credits left")
    await served.settle(ids[1], state="read")
    async with await person(served, caller) as ann:
        for query, found in (
            ("", ["Post second 0", "Post first 2", "Post first 1", "Post first 0"]),
            ("state=failed", ["Post first 0"]),
            ("state=sent", ["Post first 1"]),
            ("state=queued", ["Post second 0", "Post first 2"]),
            (f"destination={to['id']}", ["Post second 0"]),
            (f"feed={made['feed']['id']}", ["Post second 0"]),
            (f"feed={made['feed']['id']}&state=failed", []),
            ("span=1h", ["Post second 0", "Post first 2", "Post first 1", "Post first 0"]),
            ("from=2200-01-01T00:00", []),
            ("until=2000-01-01T00:00", []),
        ):
            shown = await ann.get(f"/deliveries?{query}")
            assert titles(shown.text) == found, query
            assert titles((await ann.get(f"/deliveries/live?{query}")).text) == found
        assert "No credits were left." in (await ann.get("/deliveries?state=failed")).words
        assert "Nothing fits this filter" in (await ann.get("/deliveries?from=2200-01-01T00:00")).words
        assert (await ann.get("/deliveries?from=yesterday")).status == 422
        assert (await ann.get("/deliveries?at=nonsense&state=nonsense&span=nonsense")).status == 200


async def test_others_deliveries_feeds_and_destinations_are_not_there(served: Served) -> None:
    caller, _ = await follower(served, "private", 2)
    to = (await caller("GET", "/api/v1/destinations")).body["data"][0]["id"]
    feed = (await caller("GET", "/api/v1/subscriptions")).body["data"][0]["feed"]["id"]
    (one, _) = await ids_of(served, caller)
    async with await signed_in(served) as other:
        missing = await other.get(f"/deliveries/{one + 1_000_000}")
        for path in (f"/deliveries/{one}", f"/deliveries/{one}/live", "/deliveries/x", "/deliveries/" + "9" * 19):
            shown = await other.get(path)
            assert (shown.status, shown.words) == (404, missing.words)
        assert (await other.post(f"/deliveries/{one}/again")).status == 404
        for query in (f"destination={to}", f"feed={feed}", "destination=x"):
            for path in ("/deliveries", "/deliveries/live", "/deliveries/again", "/deliveries/again/count"):
                assert (await other.get(f"{path}?{query}")).status == 404
        assert (await other.post("/deliveries/again", {"state": "failed", "destination": to})).status == 404
        assert titles((await other.get("/deliveries")).text) == []
    assert {row.state for row in await served.database.read(deliveries_of, caller.account_id)} == {"ready"}


async def test_codes_and_answers_are_nobodys_to_look_at(served: Served) -> None:
    caller, _ = await follower(served, "codes")
    (one,) = await ids_of(served, caller)
    async with await person(served, caller) as ann:
        assert (await ann.get(f"/deliveries/{one}")).status == 200
        await served.settle(one, lane="code")
        assert (await ann.get(f"/deliveries/{one}")).status == 404


@pytest.mark.parametrize("few", [0, 1_000])
async def test_both_ways_to_an_accounts_deliveries_agree(
    served: Served, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through its subscriptions while these are few, and down the ids where they are many."""
    monkeypatch.setattr(flow, "FEW", few)
    monkeypatch.setattr(deliveries, "FEW", few)
    caller, url = await follower(served, f"ways-{few}", 7)
    await follower(served, f"between-{few}", 3)
    second = await caller.webhook("second-way")
    await caller.follows(url, second["id"])
    served.clock.advance(seconds=1)
    await served.post("feed", url, item("the newest"))
    ids = await ids_of(served, caller)
    await served.settle(ids[2], state="failed", error="broken")

    def pages(work: Work, wanted: deliveries.Wanted) -> list[int]:
        seen: list[int] = []
        at = None
        for _ in range(20):
            page = deliveries.page(work, caller.account_id, wanted, at, 2)
            seen += [row.id for row in page.rows]
            if page.more is None:
                return seen
            at = deliveries.place(str(page.more))
        raise AssertionError("the list has no end")

    assert await served.database.read(pages, deliveries.Wanted()) == ids[::-1]
    assert await served.database.read(pages, deliveries.Wanted("failed")) == [ids[2]]
    (to,) = await served.database.read(world.rows, models.Destination, address=second["address"])
    assert await served.database.read(pages, deliveries.Wanted(destination=to.id)) == ids[-1:]
    figures = await served.database.read(flow.figures, caller.account_id)
    assert (figures.deliveries, figures.counts["failed"], figures.posts) == (9, 1, 8)
    assert figures.whole == bool(few)
    assert sum(sum(bar.counts.values()) for bar in figures.bars) == 9


# One delivery


async def test_the_whole_trail_is_told_and_harmless(served: Served) -> None:
    caller, url = await follower(served, "trail", 0)
    await served.post("feed", url, item("t", title=HOSTILE, content="<p>Rain &amp; sun</p>", url="javascript:alert(1)"))
    (one,) = await ids_of(served, caller)
    await served.database.write(attempt, one)
    await served.settle(one, state="waiting", error_code="http_500", error=f"answered 500: {HOSTILE}", attempts=1)
    async with await person(served, caller) as ann:
        shown = await ann.get(f"/deliveries/{one}")
        for text in (
            "Found in trail", "Matched your subscription of", "Queued for https://trail.example.org",
            "Attempt 1", "failed, to be repeated", "1.0 s · HTTP 500 · http_500", "Its answer", "Rain & sun",
            "The last attempt failed; it will be tried again.", "Not before",
        ):  # fmt: skip
            assert text in shown.words, text
        assert "<script>alert" not in shown.text
        assert "<img" not in shown.text
        assert 'href="javascript' not in shown.text
        assert HOSTILE not in (await ann.get("/deliveries")).text
        assert "Attempt 1" in (await ann.get(f"/deliveries/{one}/live")).words


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"state": "ready"}, "It is about to be sent."),
        ({"state": "leased"}, "It is being sent right now."),
        ({"state": "failed", "error_code": "unsubscribed"}, "The subscription ended before it could be sent."),
        ({"state": "failed", "error_code": "expired"}, "Its time was over before it could be sent."),
        ({"state": "failed", "error_code": "http_410", "error": "answered 410"}, "It was not sent. answered 410"),
        ({"state": "held", "error_code": "window_closed"}, "no message until the person writes again."),
        ({"state": "held", "error_code": "stopped"}, "The person has stopped all messages."),
        ({"lane": "chat", "state": "failed", "error_code": "no_credits"}, "No credits were left."),
    ],
)
async def test_why_it_was_not_sent_is_said_in_words(served: Served, fields: dict[str, Any], says: str) -> None:
    caller, _ = await follower(served, "why")
    (one,) = await ids_of(served, caller)
    await served.settle(one, **fields)
    async with await person(served, caller) as ann:
        assert says in (await ann.get(f"/deliveries/{one}")).words


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"disabled_at": timedelta(0)}, "The destination is disabled, so nothing is sent there."),
        ({"open_until": timedelta(minutes=3)}, "The destination has failed several times in a row"),
        ({"paused_until": timedelta(minutes=3)}, "The receiver has asked for fewer messages"),
        ({"channel": "telex"}, "This server has no such channel set up any more."),
    ],
)
async def test_what_is_in_the_way_is_said(served: Served, fields: dict[str, Any], says: str) -> None:
    caller, _ = await follower(served, "way")
    (one,) = await ids_of(served, caller)
    now = served.clock()
    values = {name: now + value if isinstance(value, timedelta) else value for name, value in fields.items()}
    await served.database.write(change_destination, caller.account_id, values)
    async with await person(served, caller) as ann:
        assert says in (await ann.get(f"/deliveries/{one}")).words


def change_destination(work: Work, account_id: int, values: dict[str, Any]) -> None:
    table = models.Destination.__table__
    work.session.execute(update(table).where(table.c.account_id == account_id).values(**values))


async def test_sending_one_again(served: Served) -> None:
    caller, _ = await follower(served, "again")
    (one,) = await ids_of(served, caller)
    await served.settle(one, state="failed", error_code="expired")
    async with await person(served, caller) as ann:
        shown = await ann.post(f"/deliveries/{one}/again")
        assert shown.url.endswith(f"/deliveries/{one}?done=queued_again")
        assert "It is queued again." in shown.words
        assert "It is about to be sent." in shown.words
        await served.settle(one, state="leased")
        busy = await ann.post(f"/deliveries/{one}/again")
        assert (busy.status, "Look again in a minute" in busy.words) == (409, True)
        await served.settle(one, state="failed")
        await served.database.write(change_destination, caller.account_id, {"disabled_at": served.clock()})
        disabled = await ann.post(f"/deliveries/{one}/again")
        assert (disabled.status, "Enable it first" in disabled.words) == (409, True)


# Many


async def test_sending_a_range_again_says_how_many_before(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "ALSO_LOOKED_AT", 4)
    caller, url = await follower(served, "range", 10)
    ids = await ids_of(served, caller)
    for id_ in ids[:9]:
        await served.settle(id_, state="failed", error_code="http_500", error="answered 500", failed_at=served.clock())
    async with await person(served, caller) as ann:
        assert "Send all of these again" in (await ann.get("/deliveries?state=failed")).words
        assert "Send all of these again" not in (await ann.get("/deliveries?state=queued")).words
        counted = await ann.get("/deliveries/again?state=failed")
        assert "and counting" in counted.words
        more = re.search(r'hx-get="/console([^"]*)"', counted.text)
        for _ in range(20):
            if more is None:
                break
            counted = await ann.get(more[1].replace("&amp;", "&"))
            more = re.search(r'hx-get="/console([^"]*)"', counted.text)
        assert "Send 9 again" in counted.words
        assert {row.state for row in await served.database.read(deliveries_of, caller.account_id)} == {
            "failed",
            "ready",
        }
        served.clock.advance(seconds=5)
        await served.post("feed", url, item("late"))
        late = (await ids_of(served, caller))[-1]
        await served.settle(late, state="failed")  # it was not in the range that was counted
        shown, fields, slices = counted, hidden(counted.text), 0
        while fields and slices < 20:
            shown = await ann.post("/deliveries/again", fields)
            fields, slices = hidden(shown.text.partition("<section")[2]), slices + 1
        assert slices == 3
        assert "9 deliveries are queued again." in shown.words
        states = {row.id: row.state for row in await served.database.read(deliveries_of, caller.account_id)}
        assert states == dict.fromkeys(ids, "ready") | {late: "failed"}


def hidden(text: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', text))


async def test_what_cannot_go_is_not_counted(served: Served) -> None:
    caller, _ = await follower(served, "cannot", 3)
    for id_ in await ids_of(served, caller):
        await served.settle(id_, state="failed")
    await served.database.write(change_destination, caller.account_id, {"removed_at": served.clock()})
    async with await person(served, caller) as ann:
        assert "nothing here that could be sent again" in (await ann.get("/deliveries/again")).words
        done = await ann.post("/deliveries/again", {"state": "failed"})
        assert "0 deliveries are queued again." in done.words
    assert {row.state for row in await served.database.read(deliveries_of, caller.account_id)} == {"failed"}


async def test_a_script_gets_parts(served: Served) -> None:
    caller, _ = await follower(served, "parts", 1)
    (one,) = await ids_of(served, caller)
    await served.settle(one, state="failed")
    served.clock.advance(seconds=1)
    async with await person(served, caller) as ann:
        shown = await ann.post("/deliveries/again", {"state": "failed"}, headers={"HX-Request": "true"})
        assert "<html" not in shown.text
        assert "1 delivery is queued again." in shown.words
        bad = await ann.post("/deliveries/again", {"from": "soon"}, headers={"HX-Request": "true"})
        assert (bad.status, bad.headers["HX-Retarget"]) == (422, "#notices")


@pytest.mark.parametrize("language", ["zh-CN", "zh-TW", "ko", "es"])
async def test_pages_speak_every_language(served: Served, language: str) -> None:
    caller, _ = await follower(served, f"lingua-{language.lower()}", 2)
    (one, _) = await ids_of(served, caller)
    await served.database.write(attempt, one)
    await served.settle(one, state="failed", error_code="expired")
    async with await person(served, caller, language=language) as ann:
        for path in ("/deliveries", f"/deliveries/{one}", "/deliveries/again"):
            assert (await ann.get(path)).status == 200


async def test_an_open_page_is_told_what_happens(served: Served) -> None:
    caller, url = await follower(served, "live", 1)
    async with await person(served, caller) as ann, asyncio.timeout(20):
        cookies = {name: cookie.value for name, cookie in ann.cookies.items()}
        async with (
            aiohttp.ClientSession(cookies=cookies, headers={"Accept": "text/event-stream"}) as browser,
            browser.get(f"{served.url}/console/deliveries/live") as stream,
        ):
            assert await told(stream) == ["Post live 0"]
            await served.post("feed", url, item("live 1"))
            begun = time.monotonic()
            assert await told(stream) == ["Post live 1", "Post live 0"]
            assert time.monotonic() - begun < 5  # a second, where nothing else runs


async def told(stream: aiohttp.ClientResponse) -> list[str]:
    """The posts of the list as it is told next."""
    text = ""
    while (line := (await stream.content.readline()).decode()).strip() or not text:
        text += line if line.startswith("data:") else ""
    return titles(text)

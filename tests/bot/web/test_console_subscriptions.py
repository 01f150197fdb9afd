"""Subscriptions in the console: pasting, seeing, following, the list, one of them, lists of other readers."""

import asyncio
import re
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from urllib.parse import quote
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio

from adapters.base import FeedFailed, FeedFault, FeedInfo, FeedNotFound, Page
from bot.rules import opml
from bot.usecases import destinations
from bot.web.console import transfer
from storage import models, subscription_lists
from storage.database import Work
from tests import world
from tests.bot.web.gateway import VAULT, Served
from tests.bot.web.people import Person, Shown, signed_in
from tests.world import HOUR, item

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
LIST = "/subscriptions"


@pytest_asyncio.fixture(loop_scope="module")
async def ann(served: Served) -> AsyncIterator[Person]:
    """With an account that has nothing yet."""
    async with await signed_in(served) as person:
        yield person


async def destination(served: Served, person: Person, name: str = "Team", **fields: Any) -> UUID:
    """Verified, if nothing else is said."""
    usual = {
        "channel": "webhook",
        "lane": "webhook",
        "address": f"https://{name.lower()}.example.org/{person.account_id}",
    }
    wish = {**usual, "verified": True, "secret": None, **fields}
    made = await served.database.write(destinations.add, VAULT, account_id=person.account_id, name=name, **wish)
    return made.uid


async def follows(served: Served, person: Person, url: str, *to: UUID, **more: Any) -> str:
    """By the pages; returns the subscription's id."""
    await person.post(f"{LIST}/follow", {"name": url})
    form = aiohttp.FormData([("source", "feed"), ("key", url), *(("to", str(one)) for one in to), *more.items()])
    shown = await person.post(LIST, form)  # type: ignore[arg-type]
    assert shown.status == 200, shown.words
    return ids(shown)[0]


def ids(shown: Shown) -> list[str]:
    """Of the subscriptions on a list, in their order."""
    return re.findall(r'class="feed-title" href="/console/subscriptions/([0-9a-f-]{36})"', shown.text)


async def rows(served: Served, account_id: int) -> list[Any]:
    return list(await served.database.read(world.rows, models.Subscription, account_id=account_id))


async def change(served: Served, table: Any, key: str, **values: Any) -> None:
    def run(work: Work) -> None:
        work.session.execute(table.__table__.update().where(table.__table__.c.key == key).values(**values))

    await served.database.write(run)


def allowed(work: Work, account_id: int, overrides: str) -> None:
    table = models.Account.__table__
    work.session.execute(table.update().where(table.c.id == account_id).values(overrides=overrides))


# Pasting


async def test_whoever_follows_nothing_is_shown_how_to_begin(served: Served, ann: Person) -> None:
    shown = await ann.get(LIST)
    assert "You follow nothing yet" in shown.words
    assert shown.text.index('name="name"') < shown.text.index("You follow nothing yet")
    assert shown.text.count("/console/subscriptions/follow?name=https%3A%2F%2F") >= 2
    assert 'href="/console/destinations"' in shown.text
    assert 'href="/console/simulator"' in shown.text


async def test_what_was_pasted_is_shown_and_nothing_is_stored(served: Served, ann: Person) -> None:
    await destination(served, ann)
    at = served.clock.now
    posts = [item(n, published=at - (6 - n) * HOUR, image="https://example.org/a.png") for n in range(1, 6)]
    url = served.feeds.add("https://found.example.org/feed", *posts, title="Found things")
    shown = await ann.post(f"{LIST}/follow", {"name": f"look at this: {url}!"})
    assert shown.status == 200
    assert "Found things" in shown.words
    assert "about every 60 minutes" in shown.words
    assert "the newest 60 minutes ago" in shown.words
    assert [f"The text of {n}." in shown.words for n in (5, 4, 3, 2)] == [True, True, True, False]
    assert "<strong>Post 5</strong>" in shown.text  # WhatsApp's title
    assert "A picture stands here" in shown.words
    assert "https://example.org/a.png" not in re.sub("<pre.*?</pre>", "", shown.text, flags=re.DOTALL)
    assert '"type": "post.created"' in shown.words
    assert not await served.database.read(world.rows, models.Feed, key=url)
    assert not await rows(served, ann.account_id)


async def test_only_the_part_of_the_page_is_sent_to_a_script(served: Served, ann: Person) -> None:
    url = served.feeds.add("https://part.example.org/feed", title="Part")
    shown = await ann.post(f"{LIST}/follow", {"name": url}, headers={"HX-Request": "true"})
    assert "Part" in shown.words
    assert "<html" not in shown.text
    assert "There is no post to show yet" in shown.words
    assert "You have no destination yet" in shown.words


async def test_a_link_looks_up_only_when_it_is_ours(served: Served, ann: Person) -> None:
    url = served.feeds.add("https://link.example.org/feed", title="By a link")
    ours = await ann.get(f"{LIST}/follow?name={url}")
    assert "By a link" in ours.words
    asked = len(served.feeds.asked)
    strangers = await ann.get(f"{LIST}/follow?name={url}", headers={"Sec-Fetch-Site": "cross-site"})
    assert url in strangers.text  # in the box, to be sent by whoever reads it
    assert "By a link" not in strangers.words
    assert len(served.feeds.asked) == asked


async def test_looking_things_up_has_its_bounds(served: Served, ann: Person) -> None:
    url = served.feeds.add("https://often.example.org/feed", title="Often")
    served.clock.advance(minutes=5)
    for _ in range(20):
        assert (await ann.post(f"{LIST}/follow", {"name": url})).status == 200
    often = await ann.post(f"{LIST}/follow", {"name": url})
    assert (often.status, "Try again in 15 seconds" in often.words) == (503, True)
    served.clock.advance(seconds=15)
    assert (await ann.post(f"{LIST}/follow", {"name": url})).status == 200


async def test_what_is_no_feed_offers_what_may_be_meant(served: Served, ann: Person) -> None:
    candidates = ["https://maybe.example.org/a.xml", "https://maybe.example.org/?a=1&b=<b>"]
    served.feeds.documents["https://maybe.example.org/"] = FeedNotFound("a page", candidates)
    shown = await ann.post(f"{LIST}/follow", {"name": "https://maybe.example.org/"})
    assert shown.status == 200
    assert "Perhaps you mean one of these" in shown.words
    assert 'href="/console/subscriptions/follow?name=https%3A%2F%2Fmaybe.example.org%2Fa.xml"' in shown.text
    assert "<b>" not in shown.text
    served.feeds.documents["https://broken.example.org/"] = FeedFailed(FeedFault.HTTP, "500", status=500)
    broken = await ann.post(f"{LIST}/follow", {"name": "https://broken.example.org/"})
    assert "its server answers with error 500" in broken.words
    assert "Paste an address or a name first" in (await ann.post(f"{LIST}/follow", {"name": " "})).words
    served.feeds.documents["https://none.example.org/"] = FeedNotFound("nothing")
    assert "Nothing to follow" in (await ann.post(f"{LIST}/follow", {"name": "https://none.example.org/"})).words


async def test_hostile_text_stays_text(served: Served, ann: Person) -> None:
    to = await destination(served, ann, name=HOSTILE, address="https://hostile.example.org/1")
    posts = [item("bad", title=HOSTILE, content=f"<p>x</p>{HOSTILE}", author=HOSTILE, url="javascript:alert(3)")]
    url = "https://hostile.example.org/feed"
    info = FeedInfo(title=HOSTILE, home="javascript:alert(4)")
    served.feeds.documents[url] = Page(cursor={}, posts=posts, info=info)
    pages = [await ann.post(f"{LIST}/follow", {"name": url}), await ann.post(f"{LIST}/follow", {"name": HOSTILE})]
    one = await follows(served, ann, url, to)
    pages += [await ann.get(LIST), await ann.get(f"{LIST}/{one}"), await ann.get(f"{LIST}?q={quote(HOSTILE)}")]
    pages += [await ann.post(f"{LIST}/{one}/remove")]
    for shown in pages:
        assert shown.status == 200
        assert "<script>alert" not in shown.text
        assert "<img" not in shown.text
        assert 'href="javascript' not in shown.text
        assert "style=" not in shown.text
        assert "alert(1)" in shown.text


# Following


async def test_several_destinations_are_chosen_at_once(served: Served, ann: Person) -> None:
    one, two = await destination(served, ann, "One"), await destination(served, ann, "Two")
    url = served.feeds.add("https://several.example.org/feed", item(1), title="Several")
    asked = len(served.feeds.asked)
    await follows(served, ann, url, one, two, latest="on")
    assert len(served.feeds.asked) == asked + 1  # what was shown is what is followed
    shown = await ann.get(LIST)
    assert shown.words.count("Several") >= 2
    assert "2 subscriptions" in shown.words
    sent = await served.database.read(world.rows, models.Delivery, account_id=ann.account_id)
    assert len(sent) == 2
    again = await ann.post(f"{LIST}/follow", {"name": url})
    assert again.words.count("goes there already") == 2


async def test_what_was_forgotten_meanwhile_is_looked_up_again(served: Served, ann: Person) -> None:
    to = await destination(served, ann)
    url = served.feeds.add("https://late.example.org/feed", title="Late")
    await ann.post(f"{LIST}/follow", {"name": url})
    served.clock.advance(minutes=11)
    followed = await ann.post(LIST, {"source": "feed", "key": url, "to": str(to)})
    assert "Followed." in followed.words
    served.feeds.documents["https://gone.example.org/"] = FeedNotFound("nothing")
    gone = await ann.post(LIST, {"source": "feed", "key": "https://gone.example.org/", "to": str(to)})
    assert "Nothing to follow is known" in gone.words


async def test_why_it_cannot_be_followed_is_said_on_the_same_page(served: Served) -> None:
    async with await signed_in(served, plan="free") as ann:
        url = served.feeds.add("https://refused.example.org/feed", title="Refused")
        to = await destination(served, ann)
        unproved = await destination(served, ann, "Unproved", verified=False)
        await ann.post(f"{LIST}/follow", {"name": url})
        form = {"source": "feed", "key": url}
        nowhere = await ann.post(LIST, form)
        assert (nowhere.status, "Choose at least one" in nowhere.words) == (422, True)
        assert "not verified yet" in (await ann.post(LIST, form | {"to": str(unproved)})).words
        strangers = await ann.post(LIST, form | {"to": "00000000-0000-7000-8000-000000000000"})
        assert strangers.status == 422
        assert not await rows(served, ann.account_id)

        await served.database.write(allowed, ann.account_id, '{"subscriptions": 0}')
        full = await ann.post(LIST, form | {"to": str(to)})
        assert (full.status, "Your plan allows no more" in full.words) == (422, True)


async def test_other_kinds_of_posts_are_asked_for_later_too(served: Served, ann: Person) -> None:
    one = await follows(served, ann, served.feeds.add("https://kinds.example.org/"), await destination(served, ann))
    shown = await ann.post(f"{LIST}/{one}/options", {"replies": "on"})
    assert "Saved." in shown.words
    assert re.search(r'name="replies" checked', shown.text)
    assert not re.search(r'name="reposts" checked', shown.text)


# The list


async def listed(served: Served, person: Person, count: int, prefix: str = "list") -> UUID:
    """Titles "Feed 00", "Feed 01", …, the later the newer."""
    to = await destination(served, person, f"{prefix}-to")
    for n in range(count):
        url = served.feeds.add(f"https://{prefix}{n}.example.org/", title=f"Feed {n:02d}")
        await follows(served, person, url, to)
    return to


def titles(shown: Shown) -> list[str]:
    return re.findall(r'class="feed-title"[^>]*>([^<]*)<', shown.text)


async def test_the_list_is_searched_filtered_and_sorted(served: Served, ann: Person) -> None:
    to = await listed(served, ann, 5, "sift")
    at = served.clock.now
    usual = {"failing_since": at, "fault": "http", "reason": "HTTP 500 <b>"}
    await change(served, models.Feed, "https://sift1.example.org/", failures=4, **usual)
    await change(served, models.Feed, "https://sift2.example.org/", told="quiet", last_new_at=at - 30 * 24 * HOUR)
    await change(served, models.Feed, "https://sift3.example.org/", last_success_at=None)
    await change(served, models.Feed, "https://sift4.example.org/", last_new_at=at, title="ÉTOILE 100%")
    everything = await ann.get(LIST)
    assert titles(everything) == ["ÉTOILE 100%", "Feed 03", "Feed 02", "Feed 01", "Feed 00"]
    assert "in trouble" in everything.words
    await ann.post(f"{LIST}/{ids(everything)[4]}/pause", {"until": "day"})
    assert titles(await ann.get(f"{LIST}?health=trouble")) == ["Feed 01"]
    assert titles(await ann.get(f"{LIST}?health=quiet")) == ["Feed 02"]
    assert titles(await ann.get(f"{LIST}?health=unread")) == ["Feed 03"]
    assert titles(await ann.get(f"{LIST}?health=paused")) == ["Feed 00"]
    assert titles(await ann.get(f"{LIST}?order=oldest"))[0] == "Feed 00"
    assert titles(await ann.get(f"{LIST}?order=name"))[0] == "Feed 00"
    assert titles(await ann.get(f"{LIST}?order=posted"))[:2] == ["ÉTOILE 100%", "Feed 02"]
    assert titles(await ann.get(f"{LIST}?q=feed+02")) == ["Feed 02"]
    assert titles(await ann.get(f"{LIST}?q=SIFT3.example")) == ["Feed 03"]
    assert titles(await ann.get(f"{LIST}?q=%C3%89TOILE")) == ["ÉTOILE 100%"]
    assert titles(await ann.get(f"{LIST}?q=0%25")) == ["ÉTOILE 100%"]  # no wildcard
    assert titles(await ann.get(f"{LIST}?to={to}&q=00")) == ["ÉTOILE 100%", "Feed 00"]
    none = await ann.get(f"{LIST}?q=nowhere")
    assert "Nothing fits." in none.words


async def test_the_list_goes_on_page_by_page_in_every_order(served: Served, ann: Person, monkeypatch: Any) -> None:
    await listed(served, ann, 7, "pages")
    monkeypatch.setattr("bot.web.console.subscriptions.PAGE", 3)
    for order in ("newest", "oldest", "name", "posted"):
        path, seen = f"{LIST}?order={order}", []
        while path:
            shown = await ann.get(path)
            seen += titles(shown)
            more = re.search(r'href="/console(/subscriptions\?[^"]*after=[^"]*)"', shown.text)
            path = more[1].replace("&amp;", "&") if more else ""
        assert sorted(seen) == [f"Feed {n:02d}" for n in range(7)], order
    assert (await ann.get(f"{LIST}?after=nonsense")).status == 422
    async with await signed_in(served) as other:
        first = await ann.get(LIST)
        cursor = re.search(r"after=([^\"&]*)", first.text)
        assert cursor
        assert (await other.get(f"{LIST}?after={cursor[1]}")).status == 422


async def test_a_search_looks_through_so_many_and_goes_on(served: Served, ann: Person, monkeypatch: Any) -> None:
    await listed(served, ann, 6, "far")
    monkeypatch.setattr(subscription_lists, "LOOKED", 2)
    first = await ann.get(f"{LIST}?q=Feed+01")
    assert titles(first) == []
    assert "Look further" in first.words
    exact = await ann.get(f"{LIST}?q=https://far0.example.org/")
    assert titles(exact) == ["Feed 00"]
    assert "Exactly this address" in exact.words
    second = await ann.get(_next(first))
    assert titles(second) == []
    third = await ann.get(_next(second))
    assert titles(third) == ["Feed 01"]


def _next(shown: Shown) -> str:
    found = re.search(r'href="/console(/subscriptions\?[^"]*after=[^"]*)"', shown.text)
    assert found, shown.words
    return found[1].replace("&amp;", "&")


# One of them


async def test_pausing_for_a_time_and_for_good_and_resuming(served: Served, ann: Person) -> None:
    one = await follows(served, ann, served.feeds.add("https://pause.example.org/"), await destination(served, ann))
    hour = await ann.post(f"{LIST}/{one}/pause", {"until": "hour"})
    assert hour.url.endswith(f"/{one}?done=paused")
    assert "goes on in 60 minutes" in hour.words
    (row,) = await rows(served, ann.account_id)
    assert row.paused_until == served.clock.now + HOUR
    back = await ann.post(f"{LIST}/{one}/resume", {"back": "/console/subscriptions?health=paused"})
    assert back.url.endswith("/console/subscriptions?health=paused&done=resumed")
    good = await ann.post(f"{LIST}/{one}/pause", {"until": "good", "back": "https://evil.example.org"})
    assert f"/console/subscriptions/{one}" in good.url
    assert (await ann.post(f"{LIST}/{one}/pause", {"until": "never"})).status == 422


async def test_moving_keeps_wishes_and_pause(served: Served, ann: Person) -> None:
    one, two = await destination(served, ann, "Here"), await destination(served, ann, "There")
    url = served.feeds.add("https://move.example.org/", item(1), title="Moving")
    id_ = await follows(served, ann, url, one)
    await ann.post(f"{LIST}/{id_}/options", {"reposts": "on"})
    await ann.post(f"{LIST}/{id_}/pause", {"until": "day"})
    moved = await ann.post(f"{LIST}/{id_}/move", {"to": str(two)})
    assert "Moved." in moved.words
    assert "There" in moved.words
    assert re.search(r'name="reposts" checked', moved.text)
    assert "goes on in 24 hours" in moved.words
    assert (await ann.get(f"{LIST}/{id_}")).status == 404
    (feed,) = await served.database.read(world.rows, models.Feed, key=url)
    assert feed.state == "active"
    new = moved.url.rpartition("/")[2].partition("?")[0]
    await follows(served, ann, url, one)
    there = await ann.post(f"{LIST}/{new}/move", {"to": str(one)})
    assert (there.status, "go to that destination already" in there.words) == (422, True)
    assert (await ann.post(f"{LIST}/{new}/move", {"to": "nonsense"})).status == 404


async def test_removing_is_taken_back_for_ten_minutes(served: Served, ann: Person) -> None:
    url = served.feeds.add("https://undo.example.org/", title="Undone")
    one = await follows(served, ann, url, await destination(served, ann))
    removed = await ann.post(f"{LIST}/{one}/remove")
    assert "“Undone” is no longer followed." in removed.words
    assert "You follow nothing yet" in removed.words
    assert (await ann.get(f"{LIST}/{one}")).status == 404
    back = await ann.post(f"{LIST}/{one}/restore")
    assert "It is followed again" in back.words
    assert ids(back) == [one]
    await ann.post(f"{LIST}/{one}/remove")
    served.clock.advance(minutes=11)
    late = await ann.post(f"{LIST}/{one}/restore")
    assert (late.status, "too long ago" in late.words) == (409, True)
    assert "no longer followed" not in (await ann.get(f"{LIST}?removed={one}")).words
    two = await follows(
        served, ann, served.feeds.add("https://undo2.example.org/"), await destination(served, ann, "Two")
    )
    await ann.post(f"{LIST}/{two}/remove")
    await served.database.write(allowed, ann.account_id, '{"subscriptions": 0}')
    full = await ann.post(f"{LIST}/{two}/restore")
    assert (full.status, "Your plan allows no more" in full.words) == (409, True)


async def test_how_it_fares_is_shown_live(served: Served, ann: Person) -> None:
    url = served.feeds.add("https://live.example.org/", item(1), title="Live")
    one = await follows(served, ann, url, await destination(served, ann))
    page = await ann.get(f"{LIST}/{one}")
    assert "The text of 1." in page.words
    assert f'sse-connect="/console/subscriptions/{one}/live"' in page.text
    part = await ann.get(f"{LIST}/{one}/live")
    assert "<html" not in part.text
    assert "fine" in part.words
    await change(served, models.Feed, url, failures=5, failing_since=served.clock.now, fault="dns", reason="no <b>")
    assert "its server's name is not known" in (await ann.get(f"{LIST}/{one}/live")).words


async def test_anothers_subscription_is_as_good_as_none(served: Served, ann: Person) -> None:
    mine = await destination(served, ann)
    one = await follows(served, ann, served.feeds.add("https://mine.example.org/", title="Mine alone"), mine)
    async with await signed_in(served) as other:
        theirs = await destination(served, other, "Theirs")
        assert (await other.get(LIST)).words.count("Mine alone") == 0
        for path in ("", "/live"):
            assert (await other.get(f"{LIST}/{one}{path}")).status == 404
        for action in ("pause", "resume", "options", "move", "remove", "restore"):
            form = {"to": str(theirs)} if action == "move" else {}
            assert (await other.post(f"{LIST}/{one}/{action}", form)).status == 404, action
        assert (await ann.post(f"{LIST}/{one}/move", {"to": str(theirs)})).status == 404
        assert "no longer followed" not in (await other.get(f"{LIST}?removed={one}")).words
        filtered = await other.get(f"{LIST}?to={mine}")
        assert "Mine alone" not in filtered.words
        await ann.post(f"{LIST}/follow", {"name": "https://mine.example.org/"})
        form = {"source": "feed", "key": "https://mine.example.org/", "to": str(mine)}
        assert (await other.post(LIST, form)).status == 422
    assert len(await rows(served, ann.account_id)) == 1


@pytest.mark.parametrize("id_", ["1", "nonsense", "00000000-0000-7000-8000-000000000001", "%00"])
async def test_what_is_no_id_is_nobodys(served: Served, ann: Person, id_: str) -> None:
    assert (await ann.get(f"{LIST}/{id_}")).status == 404


# Lists of other readers


def upload(document: bytes, to: Any) -> Any:
    form = aiohttp.FormData()
    form.add_field("to", str(to))
    form.add_field("file", BytesIO(document), filename="feeds.opml", content_type="text/x-opml")
    return form


def document(*urls: str) -> bytes:
    return opml.write([opml.Outline(url, f"Title of {url}") for url in urls], "Mine").encode()


async def test_a_list_is_taken_over_and_handed_on(served: Served, ann: Person) -> None:
    to = await destination(served, ann)
    urls = [f"https://opml{n}.example.org/feed" for n in range(3)]
    done = await ann.post(f"{LIST}/import", upload(document(*urls, "ftp://no.example.org/<b>"), to))
    assert done.status == 200
    assert "3 new subscriptions at Team" in done.words
    assert "1 was not taken" in done.words
    assert "ftp://no.example.org/<b>" in done.words
    again = await ann.post(f"{LIST}/import", upload(document(*urls), to))
    assert "0 new subscriptions" in again.words
    assert "3 were there already" in again.words
    exported = await ann.get(f"{LIST}/export")
    assert exported.headers["Content-Disposition"] == 'attachment; filename="postbell.opml"'
    assert [one.url for one in opml.read(exported.text.encode())] == urls


async def test_a_list_is_taken_over_as_far_as_the_plan_allows(served: Served, ann: Person) -> None:
    to = await destination(served, ann)
    urls = [f"https://room{n}.example.org/feed" for n in range(4)]

    await served.database.write(allowed, ann.account_id, '{"subscriptions": 3}')
    await ann.post(f"{LIST}/import", upload(document(urls[3]), to))
    done = await ann.post(f"{LIST}/import", upload(document(*urls), to))
    assert "2 new subscriptions" in done.words
    assert "1 was there already" in done.words
    assert "1 was not taken: your plan allows no more" in done.words
    assert len(await rows(served, ann.account_id)) == 3


async def test_a_long_list_shows_how_far_it_is(served: Served, ann: Person, monkeypatch: Any) -> None:
    monkeypatch.setattr(transfer, "PATIENCE", 0.0)
    seen, run = asyncio.Event(), transfer.Transfer._run

    async def late(self: transfer.Transfer, *args: Any) -> None:
        await seen.wait()
        await run(self, *args)

    monkeypatch.setattr(transfer.Transfer, "_run", late)
    to = await destination(served, ann)
    urls = [f"https://long{n}.example.org/feed" for n in range(600)]
    shown = await ann.post(f"{LIST}/import", upload(document(*urls), to))
    assert "/subscriptions/import/" in shown.url
    path = shown.url.partition("/console")[2]
    async with await signed_in(served) as other:
        assert (await other.get(path)).status == 404
        assert (await other.get(f"{path}/live")).status == 404
    busy = await ann.post(f"{LIST}/import", upload(document(*urls), to))
    assert (busy.status, "Another list" in busy.words) == (422, True)
    assert "0 of 600 feeds" in (await ann.get(path)).words
    seen.set()
    heard = await ann._session.get(f"{ann.url}/console{path}/live", headers={"Accept": "text/event-stream"})
    said = b""
    async for line in heard.content:
        said += line
        if b"new subscriptions" in line:
            break
    heard.close()
    assert b"600 new subscriptions" in said
    assert "600 new subscriptions" in (await ann.get(path)).words


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "Choose a file first"),
        (b"<opml><body></body></opml>", "There is no feed in this file"),
        (b"no xml", "there is a fault in line 1"),
        (
            b'<!DOCTYPE o [<!ENTITY a "b">]><opml><body><outline xmlUrl="&a;"/></body></opml>',
            "there is a fault in line",
        ),
    ],
)
async def test_what_is_no_list_is_said(served: Served, ann: Person, body: bytes, says: str) -> None:
    shown = await ann.post(f"{LIST}/import", upload(body, await destination(served, ann)))
    assert (shown.status, says in shown.words) == (422, True)


async def test_a_list_is_not_taken_over_to_anothers_destination(served: Served, ann: Person) -> None:
    await destination(served, ann)
    async with await signed_in(served) as other:
        theirs = await destination(served, other)
        body = document("https://x.example.org/")
        assert (await ann.post(f"{LIST}/import", upload(body, theirs))).status in (404, 422)
        unproved = await destination(served, other, "Unproved", verified=False)
        assert "not verified yet" in (await other.post(f"{LIST}/import", upload(body, unproved))).words
        huge = b"<opml>" + b" " * (opml.MOST_BYTES + 100_000)
        assert (await other.post(f"{LIST}/import", upload(huge, theirs))).status == 413
    assert not await rows(served, ann.account_id)


async def test_without_a_destination_a_list_has_nowhere_to_go(served: Served, ann: Person) -> None:
    shown = await ann.get(f"{LIST}/import")
    assert "You have no destination yet" in shown.words
    assert 'type="file"' not in shown.text

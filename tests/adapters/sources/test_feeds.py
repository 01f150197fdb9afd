"""The source `feed` against a publisher on a real socket, and tables for what is pure in it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from multidict import CIMultiDict

from adapters.base import (
    Cursor,
    FeedFailed,
    FeedFault,
    FeedGone,
    FeedNotFound,
    FeedThrottled,
    Page,
    SourceError,
)
from adapters.http import Egress, Outbound
from adapters.sources.feeds import Feeds, fresh_seconds, next_hop, spelled_out
from adapters.sources.parser import Parser
from tests.fakes.publisher import Answer, Publisher, bomb, rss

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    async with Publisher() as publisher:
        yield publisher


@pytest.fixture
async def feeds() -> AsyncIterator[Feeds]:
    egress = Egress.parse("127.0.0.1/32")
    async with Outbound(egress, user_agent="Postbell/test") as outbound, Parser() as parser:
        yield Feeds(outbound, parser)


def titles(page: Page) -> list[str]:
    return [post.title for post in page.posts]


def stored(cursor: Cursor) -> dict[str, Any]:
    """As it comes back from a database."""
    text = json.dumps(cursor)
    assert len(text.encode()) <= 2048
    back: dict[str, Any] = json.loads(text)
    return back


async def fault_of(feeds: Feeds, url: str, cursor: Cursor | None = None) -> FeedFailed:
    with pytest.raises(FeedFailed) as caught:
        await feeds.poll(url, cursor or {}, NOW)
    return caught.value


# --- What is new and what is not ---------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["rss", "atom", "json"])
async def test_a_first_poll_reads_all_posts_oldest_first(feeds: Feeds, publisher: Publisher, format: str) -> None:
    feed = publisher.feed("/a", posts=3, format=format, title="Harbour news")
    page = await feeds.poll(feed.url, {}, NOW)
    assert titles(page) == ["Post 1", "Post 2", "Post 3"]
    assert page.info is not None
    assert page.info.title == "Harbour news"
    assert page.complete
    assert publisher.conditional["/a"] == 0


@pytest.mark.parametrize("etag", ["strong", "weak"])
async def test_an_unchanged_feed_is_a_304_and_the_same_cursor_object(
    feeds: Feeds, publisher: Publisher, etag: str
) -> None:
    feed = publisher.feed("/a", posts=2, etag=etag)
    cursor = stored((await feeds.poll(feed.url, {}, NOW)).cursor)
    page = await feeds.poll(feed.url, cursor, NOW + HOUR)
    assert page == Page(cursor=cursor)
    assert page.cursor is cursor
    assert publisher.conditional["/a"] == 1


async def test_validators_go_back_byte_for_byte(feeds: Feeds, publisher: Publisher) -> None:
    odd_date = "Sun,  1 mar 2026 7:00:00 +0100"
    feed = publisher.feed("/a", posts=1, etag="weak", last_modified=False, headers={"Last-Modified": odd_date})
    cursor = stored((await feeds.poll(feed.url, {}, NOW)).cursor)
    await feeds.poll(feed.url, cursor, NOW)
    sent = publisher.last_headers["/a"]
    assert sent["If-None-Match"] == feed.current()[1]
    assert sent["If-None-Match"].startswith('W/"')
    assert sent["If-Modified-Since"] == odd_date


async def test_last_modified_alone_is_enough(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=1, etag="none")
    cursor = stored((await feeds.poll(feed.url, {}, NOW)).cursor)
    assert (await feeds.poll(feed.url, cursor, NOW)).cursor is cursor
    assert publisher.last_headers["/a"]["If-Modified-Since"] == cursor["m"]
    assert "If-None-Match" not in publisher.last_headers["/a"]


@pytest.mark.parametrize(
    "switches",
    [{"etag": "changing"}, {"etag": "gzip"}, {"etag": "none", "last_modified": False}],
    ids=["changing ETag", "ETag that never matches", "no validators"],
)
async def test_the_same_bytes_again_are_not_read_and_not_worth_a_write(
    feeds: Feeds, publisher: Publisher, switches: dict[str, Any]
) -> None:
    feed = publisher.feed("/a", posts=2, **switches)
    cursor = stored((await feeds.poll(feed.url, {}, NOW)).cursor)
    page = await feeds.poll(feed.url, cursor, NOW + HOUR)
    assert page.info is None
    assert not page.posts
    assert page.cursor is cursor


async def test_a_new_post_is_read_and_those_before_it_are_left_out(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=1)
    first = await feeds.poll(feed.url, {}, NOW)
    feed.publish("Second")
    second = await feeds.poll(feed.url, stored(first.cursor), NOW)
    assert titles(second) == ["Post 1", "Second"]  # a first visit remembers nothing
    cursor = stored(second.cursor)
    feed.publish("News!")
    page = await feeds.poll(feed.url, cursor, NOW + HOUR)
    assert titles(page) == ["News!"]
    assert set(page.left_out) == {post.published for post in second.posts}
    assert page.cursor != cursor
    assert (await feeds.poll(feed.url, stored(page.cursor), NOW + HOUR)).info is None


async def test_known_items_stay_known_over_unchanged_polls(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=1)
    cursor = stored((await feeds.poll(feed.url, {}, NOW)).cursor)
    feed.publish("Second")
    cursor = stored((await feeds.poll(feed.url, cursor, NOW)).cursor)
    for later in (NOW + HOUR, NOW + DAY):  # a 304, then the same bytes
        cursor = stored((await feeds.poll(feed.url, cursor, later)).cursor)
    feed.publish("News!")
    assert titles(await feeds.poll(feed.url, cursor, NOW + DAY + HOUR)) == ["News!"]


async def test_another_version_of_the_reader_leaves_nothing_out(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=1)
    cursor = stored((await feeds.poll(feed.url, {}, NOW)).cursor)
    feed.publish("Second")
    cursor = stored((await feeds.poll(feed.url, cursor, NOW)).cursor)
    feed.publish("News!")
    page = await feeds.poll(feed.url, {**cursor, "v": cursor["v"] - 1}, NOW)
    assert (titles(page), page.left_out) == (["Post 1", "Second", "News!"], ())


async def test_once_a_day_the_document_is_read_without_conditions(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=1)
    cursor = stored((await feeds.poll(feed.url, {}, NOW)).cursor)
    page = await feeds.poll(feed.url, cursor, NOW + DAY)
    assert publisher.conditional["/a"] == 0
    assert page.info is None  # same bytes
    again = stored(page.cursor)
    assert again == {**cursor, "f": int((NOW + DAY).timestamp())}
    assert (await feeds.poll(feed.url, again, NOW + DAY + HOUR)).cursor is again
    assert publisher.conditional["/a"] == 1


async def test_a_server_that_says_304_for_ever_is_found_out(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=1)
    cursor = stored((await feeds.poll(feed.url, {}, NOW)).cursor)
    feed.always = Answer(status=304)
    assert (await feeds.poll(feed.url, cursor, NOW)).cursor is cursor
    with pytest.raises(FeedFailed, match="nothing was asked"):
        await feeds.poll(feed.url, cursor, NOW + DAY)


async def test_another_version_of_the_reader_reads_everything_anew(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=1)
    cursor = stored((await feeds.poll(feed.url, {}, NOW)).cursor)
    page = await feeds.poll(feed.url, {**cursor, "v": cursor["v"] - 1}, NOW)
    assert titles(page) == ["Post 1"]
    assert publisher.conditional["/a"] == 0


@pytest.mark.parametrize("headers", [{"Expires": "0"}, {"Expires": "-1"}, {"Cache-Control": "no-store"}])
async def test_last_modified_is_not_believed_of_what_never_is_fresh(
    feeds: Feeds, publisher: Publisher, headers: dict[str, str]
) -> None:
    feed = publisher.feed("/a", posts=1, headers=headers)
    cursor = (await feeds.poll(feed.url, {}, NOW)).cursor
    assert "m" not in cursor
    assert "e" in cursor


async def test_an_etag_out_of_all_proportion_is_not_kept(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=1, etag="none", headers={"ETag": '"' + "x" * 4000 + '"'})
    assert "e" not in stored((await feeds.poll(feed.url, {}, NOW)).cursor)


async def test_an_etag_sent_with_a_304_replaces_the_old_one(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=1)
    cursor = stored((await feeds.poll(feed.url, {}, NOW)).cursor)
    feed.always = Answer(status=304, headers={"ETag": '"newer"'})
    assert (await feeds.poll(feed.url, cursor, NOW)).cursor == {**cursor, "e": '"newer"'}


async def test_a_body_that_cannot_be_read_leaves_no_validators(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=1)
    cursor = stored((await feeds.poll(feed.url, {}, NOW)).cursor)
    feed.set_body(b"<html><body>Please log in</body></html>")
    assert (await fault_of(feeds, feed.url, cursor)).fault is FeedFault.NOT_A_FEED
    feed.body = None
    feed.publish("After the fault")
    assert titles(await feeds.poll(feed.url, cursor, NOW)) == ["Post 1", "After the fault"]


# --- Documents that are not whole --------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{"cut": True}, {"declared_length": 10**6}], ids=["cut", "wrong length"])
async def test_of_a_document_cut_off_the_whole_items_are_kept_and_no_validators(
    feeds: Feeds, publisher: Publisher, how: dict[str, Any]
) -> None:
    feed = publisher.feed("/a", posts=10)
    known = stored((await feeds.poll(feed.url, {}, NOW)).cursor)
    feed.publish("The newest")
    feed.always = Answer(body=rss(feed).encode(), content_type="application/rss+xml", **how)
    page = await feeds.poll(feed.url, known, NOW)
    assert not page.complete
    assert page.cursor is known
    assert "The newest" in titles(page)


async def test_226_may_hold_only_what_is_new(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=1)
    feed.always = Answer(
        status=226, body=rss(feed).encode(), content_type="application/rss+xml", headers={"ETag": '"x"'}
    )
    page = await feeds.poll(feed.url, {}, NOW)
    assert titles(page) == ["Post 1"]
    assert not page.complete
    assert page.cursor == {}


@pytest.mark.parametrize("answer", [Answer(status=204), Answer(), Answer(body=b" \r\n\t ")])
async def test_an_empty_answer_changes_nothing(feeds: Feeds, publisher: Publisher, answer: Answer) -> None:
    feed = publisher.feed("/a", posts=1)
    cursor = stored((await feeds.poll(feed.url, {}, NOW)).cursor)
    feed.always = answer
    page = await feeds.poll(feed.url, cursor, NOW)
    assert page == Page(cursor=cursor)
    assert page.cursor is cursor


# --- Refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(status=400), "the server answered 400 Bad Request"),
        (Answer(status=401), "401 Unauthorized: it wants a login"),
        (Answer(status=403), "403 Forbidden: it wants a login or does not want us"),
        (Answer(status=404), "the server answered 404 Not Found"),
        (Answer(status=406), "the server answered 406 Not Acceptable"),
        (Answer(status=202), "the server answered 202 Accepted"),
        (Answer(status=206, body=b"<rss/>"), "the server answered 206 Partial Content"),
        (Answer(status=500, headers={"Cache-Control": "public, max-age=3600"}), "500 Internal Server Error"),
        (Answer(status=503), "the server answered 503 Service Unavailable"),
        (Answer(status=503, headers={"Retry-After": "soon"}), "the server answered 503 Service Unavailable"),
        (Answer(status=520), "the server answered 520"),
        (Answer(status=403, headers={"cf-mitigated": "challenge"}), "Cloudflare challenge"),
        (Answer(status=503, headers={"cf-mitigated": "challenge", "Retry-After": "5"}), "Cloudflare challenge"),
    ],
)
async def test_a_refusal_says_why(feeds: Feeds, publisher: Publisher, answer: Answer, reason: str) -> None:
    failed = await fault_of(feeds, publisher.feed("/a", always=answer).url)
    assert failed.fault is FeedFault.HTTP
    assert failed.status == answer.status
    assert reason in str(failed)


@pytest.mark.parametrize(
    ("status", "value", "after"),
    [
        (429, "120", timedelta(minutes=2)),
        (503, "120", timedelta(minutes=2)),
        (503, "Sun, 01 Mar 2026 12:30:00 GMT", timedelta(minutes=30)),
        (429, "Sunday, 01-Mar-26 12:30:00 GMT", timedelta(minutes=30)),
        (429, "1", timedelta(minutes=1)),
        (503, "31536000", timedelta(hours=24)),
        (503, "Tue, 01 Mar 2056 12:00:00 GMT", timedelta(hours=24)),
        (429, "", timedelta(minutes=10)),
        (429, "-5", timedelta(minutes=10)),
        (429, "Sun, 01 Mar 2026 11:00:00 GMT", timedelta(minutes=10)),
    ],
)
async def test_a_throttled_host_says_for_how_long(
    feeds: Feeds, publisher: Publisher, status: int, value: str, after: timedelta
) -> None:
    answer = Answer(status=status, headers={"Retry-After": value} if value else {})
    with pytest.raises(FeedThrottled) as caught:
        await feeds.poll(publisher.feed("/a", always=answer).url, {}, NOW)
    assert caught.value.after == after


async def test_410_is_the_end(feeds: Feeds, publisher: Publisher) -> None:
    with pytest.raises(FeedGone, match="410 Gone"):
        await feeds.poll(publisher.feed("/a", always=Answer(status=410)).url, {}, NOW)


async def test_406_is_asked_again_without_wishes(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=1)
    feed.answers.append(Answer(status=406))
    assert titles(await feeds.poll(feed.url, {}, NOW)) == ["Post 1"]
    assert publisher.last_headers["/a"]["Accept"] == "*/*"


async def test_an_unreachable_server_is_a_fault_of_the_connection(feeds: Feeds) -> None:
    async with Publisher() as gone:
        url = gone.url
    assert (await fault_of(feeds, f"{url}/a")).fault is FeedFault.CONNECT


async def test_an_address_that_may_not_be_dialled_is_blocked(feeds: Feeds, publisher: Publisher) -> None:
    assert (await fault_of(feeds, "http://127.0.0.2/a")).fault is FeedFault.BLOCKED
    url = publisher.redirect("/a", "http://169.254.169.254/latest/meta-data")
    assert (await fault_of(feeds, url)).fault is FeedFault.BLOCKED


# --- Redirects ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["{}/feeds/b", "/feeds/b", "../feeds/b", "b", "{}/feeds/b#top"])
async def test_redirects_are_followed(feeds: Feeds, publisher: Publisher, status: int, location: str) -> None:
    publisher.feed("/feeds/b", posts=1)
    url = publisher.redirect("/feeds/a", location.format(publisher.url), status)
    page = await feeds.poll(url, {}, NOW)
    assert titles(page) == ["Post 1"]
    assert page.moved_to == ""


async def test_validators_go_only_where_they_came_from(feeds: Feeds, publisher: Publisher) -> None:
    async with Publisher() as other:
        other.feed("/b", posts=1)
        url = publisher.redirect("/a", f"{other.url}/b")
        cursor = stored((await feeds.poll(url, {}, NOW)).cursor)
        assert (await feeds.poll(url, cursor, NOW)).cursor is cursor
        assert publisher.conditional["/a"] == 0
        assert other.conditional["/b"] == 1
        assert not {"Authorization", "Cookie", "Referer"} & other.last_headers["/b"].keys()

        publisher.feed("/c", posts=1)
        publisher.redirect("/a", "/c")
        await feeds.poll(url, cursor, NOW)
        assert publisher.conditional["/c"] == 0


async def test_the_same_document_elsewhere_brings_its_own_validators(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/b", posts=1, etag="weak")
    publisher.feed("/c", items=feed.items, body=rss(feed).encode(), etag="strong")
    url = publisher.redirect("/a", "/b")
    cursor = stored((await feeds.poll(url, {}, NOW)).cursor)
    publisher.redirect("/a", "/c")
    page = await feeds.poll(url, cursor, NOW)
    assert page.info is None
    assert page.cursor["e"] == publisher.feeds["/c"].current()[1]
    again = stored(page.cursor)
    assert (await feeds.poll(url, again, NOW)).cursor is again
    assert publisher.conditional["/c"] == 1


@pytest.mark.parametrize(
    ("path", "location", "reason"),
    [
        ("/a", "/a", "in a circle"),
        ("/a", "/b", "in a circle"),
        ("/a", "", "no web address"),
        ("/a", "http://[::1", "no web address"),
        ("/a", "ftp://127.0.0.1/x", "no web address"),
        ("/a", "mailto:a@b.example", "no web address"),
        ("/a", "/1", "too often"),
    ],
)
async def test_redirects_that_lead_nowhere(
    feeds: Feeds, publisher: Publisher, path: str, location: str, reason: str
) -> None:
    publisher.redirect("/b", "/a")
    for number in range(1, 9):
        publisher.redirect(f"/{number}", f"/{number + 1}")
    failed = await fault_of(feeds, publisher.redirect(path, location))
    assert failed.fault is FeedFault.HTTP
    assert reason in str(failed)


async def test_five_redirects_are_still_followed(feeds: Feeds, publisher: Publisher) -> None:
    for number in range(5):
        publisher.redirect(f"/{number}", f"/{number + 1}")
    publisher.feed("/5", posts=1)
    assert titles(await feeds.poll(f"{publisher.url}/0", {}, NOW)) == ["Post 1"]


async def test_credentials_in_a_redirect_are_refused(feeds: Feeds, publisher: Publisher) -> None:
    publisher.feed("/b", posts=1)
    url = publisher.redirect("/a", publisher.url.replace("http://", "http://user:secret@") + "/b")
    assert (await fault_of(feeds, url)).fault in {FeedFault.HTTP, FeedFault.BLOCKED}
    assert publisher.requests["/b"] == 0


@pytest.mark.parametrize("location", ["", "mailto:a@b.example", "http://[", "//[]@/", "https://a.example:x/"])
def test_a_redirect_to_what_is_no_web_address_is_a_failure(location: str) -> None:
    with pytest.raises(FeedFailed, match="no web address"):
        next_hop("https://a.example/feed", location)


def test_a_redirect_never_gives_up_encryption() -> None:
    with pytest.raises(FeedFailed, match="from https to http"):
        next_hop("https://a.example/feed", "http://a.example/feed")
    assert next_hop("http://a.example/feed", "https://a.example/feed") == "https://a.example/feed"
    assert next_hop("https://a.example/x/feed", "//b.example/y?q=1#z") == "https://b.example/y?q=1"


async def test_a_feed_has_moved_after_three_polls_over_a_day(feeds: Feeds, publisher: Publisher) -> None:
    publisher.feed("/new", posts=1)
    url = publisher.redirect("/old", "/middle", 301)
    publisher.redirect("/middle", "/new", 308)
    cursor: Cursor = {}
    seen = []
    for passed in (0 * HOUR, 1 * HOUR, 2 * HOUR, 23 * HOUR, 24 * HOUR):
        page = await feeds.poll(url, cursor, NOW + passed)
        seen.append(page.moved_to)
        cursor = stored(page.cursor)
    assert seen == ["", "", "", "", f"{publisher.url}/new"]
    # Under the new key the cursor goes on: nothing is read again.
    page = await feeds.poll(f"{publisher.url}/new", cursor, NOW + DAY + HOUR)
    assert page.info is None
    assert page.moved_to == ""


async def test_once_the_count_is_full_redirects_cost_no_more_writes(feeds: Feeds, publisher: Publisher) -> None:
    publisher.feed("/new", posts=1)
    url = publisher.redirect("/old", "/new", 301)
    cursor: Cursor = {}
    for _ in range(3):
        cursor = stored((await feeds.poll(url, cursor, NOW)).cursor)
    assert (await feeds.poll(url, cursor, NOW + HOUR)).cursor is cursor


async def test_two_polls_are_no_move_even_after_days(feeds: Feeds, publisher: Publisher) -> None:
    publisher.feed("/new", posts=1)
    url = publisher.redirect("/old", "/new", 301)
    cursor = stored((await feeds.poll(url, {}, NOW)).cursor)
    assert (await feeds.poll(url, cursor, NOW + 9 * DAY)).moved_to == ""


@pytest.mark.parametrize("change", ["another target", "a temporary hop", "no redirect"])
async def test_a_move_starts_over_when_redirects_change(feeds: Feeds, publisher: Publisher, change: str) -> None:
    publisher.feed("/new", posts=1)
    publisher.feed("/newer", posts=1)
    url = publisher.redirect("/old", "/new", 301)
    cursor: Cursor = {}
    for _ in range(3):
        cursor = stored((await feeds.poll(url, cursor, NOW)).cursor)
    match change:
        case "another target":
            publisher.redirect("/old", "/newer", 301)
        case "a temporary hop":
            publisher.redirect("/old", "/new", 302)
        case "no redirect":
            publisher.feed("/old", posts=1)
    cursor = stored((await feeds.poll(url, cursor, NOW + HOUR)).cursor)
    publisher.feeds.pop("/old", None)
    publisher.redirect("/old", "/new", 301)
    page = await feeds.poll(url, cursor, NOW + 2 * DAY)
    assert page.moved_to == ""
    assert page.cursor["r"][0] < 3


async def test_nothing_moves_to_a_page_that_is_no_feed(feeds: Feeds, publisher: Publisher) -> None:
    publisher.page("/login", "<!doctype html><title>Log in</title>")
    url = publisher.redirect("/old", "/login", 301)
    assert (await fault_of(feeds, url)).fault is FeedFault.NOT_A_FEED


# --- Bodies on the wire ------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["gzip", "deflate", "raw-deflate", "gzip-unlabelled"])
async def test_compressed_feeds_are_read(feeds: Feeds, publisher: Publisher, compression: str) -> None:
    feed = publisher.feed("/a", posts=2, compression=compression)
    assert titles(await feeds.poll(feed.url, {}, NOW)) == ["Post 1", "Post 2"]


async def test_a_bomb_is_too_large(feeds: Feeds, publisher: Publisher) -> None:
    answer = Answer(body=bomb(64), content_type="text/xml", headers={"Content-Encoding": "gzip"})
    assert (await fault_of(feeds, publisher.feed("/a", always=answer).url)).fault is FeedFault.TOO_LARGE


@pytest.mark.parametrize("content_type", ["text/html", "text/plain", "application/octet-stream", "nonsense"])
async def test_the_content_type_decides_nothing(feeds: Feeds, publisher: Publisher, content_type: str) -> None:
    feed = publisher.feed("/a", posts=1, content_type=content_type)
    assert titles(await feeds.poll(feed.url, {}, NOW)) == ["Post 1"]


async def test_a_web_page_is_not_a_feed(feeds: Feeds, publisher: Publisher) -> None:
    url = publisher.page("/a", "<!doctype html><html><head><title>x</title></head><body>Hello</body></html>")
    assert (await fault_of(feeds, url)).fault is FeedFault.NOT_A_FEED


# --- The server's wishes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "minutes"),
    [
        ({}, 0),
        ({"Cache-Control": "public, max-age=600"}, 10),
        ({"Cache-Control": 'MAX-AGE="600"', "Age": "120"}, 8),
        ({"Cache-Control": "s-maxage=600"}, 0),
        ({"Cache-Control": "max-age=600, no-cache"}, 0),
        ({"Cache-Control": "no-store", "Expires": "Sun, 01 Mar 2026 13:00:00 GMT"}, 0),
        ({"Cache-Control": "max-age=0", "Expires": "Sun, 01 Mar 2026 13:00:00 GMT"}, 0),
        ({"Cache-Control": "max-age=lots"}, 0),
        ({"Cache-Control": "max-age=600", "Age": "soon"}, 10),
        ({"Expires": "Sun, 01 Mar 2026 12:20:00 GMT"}, 20),
        ({"Expires": "Sun, 01 Mar 2026 09:20:00 GMT", "Date": "Sun, 01 Mar 2026 09:00:00 GMT"}, 20),
        ({"Expires": "0"}, 0),
    ],
)
def test_how_long_an_answer_stays_fresh(headers: dict[str, str], minutes: int) -> None:
    assert fresh_seconds(CIMultiDict(headers), NOW) == minutes * 60


async def test_the_documents_wish_is_remembered_over_304s(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=1, head="<ttl>30</ttl>", headers={"Cache-Control": "max-age=600"})
    first = await feeds.poll(feed.url, {}, NOW)
    second = await feeds.poll(feed.url, stored(first.cursor), NOW)
    assert first.not_before == second.not_before == timedelta(minutes=30)


async def test_wishes_have_a_bound_and_the_past_is_none(feeds: Feeds, publisher: Publisher) -> None:
    long = publisher.feed("/a", posts=1, headers={"Cache-Control": "max-age=999999999"})
    past = publisher.feed("/b", posts=1, headers={"Cache-Control": "max-age=60", "Age": "4000"})
    assert (await feeds.poll(long.url, {}, NOW)).not_before == HOUR
    assert (await feeds.poll(past.url, {}, NOW)).not_before == timedelta(0)


async def test_a_feed_may_say_that_it_has_ended(feeds: Feeds, publisher: Publisher) -> None:
    document = {"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": [], "expired": True}
    url = publisher.page("/a", json.dumps(document), content_type="application/feed+json")
    assert (await feeds.poll(url, {}, NOW)).ended


# --- What people paste -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pasted", "url"),
    [
        ("example.org/feed", "https://example.org/feed"),
        ("  https://example.org/  ", "https://example.org/"),
        ("<https://example.org/a>", "https://example.org/a"),
        ("http://example.org/a", "http://example.org/a"),
        ("feed://example.org/a.xml", "https://example.org/a.xml"),
        ("feed:https://example.org/a.xml", "https://example.org/a.xml"),
        ("Feed:http://example.org/a.xml", "http://example.org/a.xml"),
    ],
)
def test_what_people_paste_is_spelled_out(pasted: str, url: str) -> None:
    assert spelled_out(pasted) == url


@pytest.mark.parametrize(
    "pasted", ["", "nasa", "@nasa", "two words.example", "ftp://example.org/a", "javascript:alert(1)", "https://"]
)
async def test_what_is_no_address_is_not_found(feeds: Feeds, pasted: str) -> None:
    with pytest.raises(FeedNotFound, match="not a web address"):
        await feeds.resolve(pasted, NOW)


async def test_a_pasted_feed_is_found_with_its_first_page(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/a", posts=2)
    found = await feeds.resolve(f" HTTP{feed.url[4:]}#latest ", NOW)
    assert found.key == feed.url
    assert titles(found.page) == ["Post 1", "Post 2"]
    cursor = stored(found.page.cursor)
    assert (await feeds.poll(found.key, cursor, NOW)).cursor is cursor


@pytest.mark.parametrize(("status", "key"), [(301, "/new"), (302, "/old")])
async def test_a_pasted_address_that_has_moved_is_followed_at_its_new_place(
    feeds: Feeds, publisher: Publisher, status: int, key: str
) -> None:
    publisher.feed("/new", posts=1)
    found = await feeds.resolve(publisher.redirect("/old", "/new", status), NOW)
    assert found.key == publisher.url + key
    cursor = stored(found.page.cursor)
    assert (await feeds.poll(found.key, cursor, NOW)).cursor is cursor


def page_naming(*hrefs: str) -> str:
    links = "".join(f'<link rel="alternate" type="application/rss+xml" href="{href}">' for href in hrefs)
    return f"<!doctype html><html><head><title>Blog</title>{links}</head><body>Hello</body></html>"


async def test_a_page_with_one_feed_leads_to_it(feeds: Feeds, publisher: Publisher) -> None:
    feed = publisher.feed("/feed", posts=1)
    found = await feeds.resolve(publisher.page("/blog/", page_naming("/feed")), NOW)
    assert found.key == feed.url
    assert titles(found.page) == ["Post 1"]


async def test_of_several_feeds_the_first_that_works_and_is_not_comments_is_taken(
    feeds: Feeds, publisher: Publisher
) -> None:
    publisher.feed("/comments/feed/", posts=1)
    publisher.page("/broken", "<!doctype html><p>no feed")
    publisher.feed("/good", posts=1)
    page = page_naming("/comments/feed/", "/broken", "/missing", "/good", "/good")
    found = await feeds.resolve(publisher.page("/", page), NOW)
    assert found.key == f"{publisher.url}/good"
    assert publisher.requests["/comments/feed/"] == 0


async def test_a_lone_comments_feed_is_what_was_meant(feeds: Feeds, publisher: Publisher) -> None:
    publisher.feed("/post/comments", posts=1)
    found = await feeds.resolve(publisher.page("/post", page_naming("/post/comments")), NOW)
    assert found.key == f"{publisher.url}/post/comments"


async def test_when_no_named_feed_works_they_are_listed(feeds: Feeds, publisher: Publisher) -> None:
    url = publisher.page("/", page_naming("/x", "/y", "javascript:alert(1)"))
    with pytest.raises(FeedNotFound) as caught:
        await feeds.resolve(url, NOW)
    assert caught.value.candidates == (f"{publisher.url}/x", f"{publisher.url}/y")


async def test_a_page_without_feeds_says_so(feeds: Feeds, publisher: Publisher) -> None:
    with pytest.raises(FeedNotFound, match="names none") as caught:
        await feeds.resolve(publisher.page("/", page_naming()), NOW)
    assert caught.value.candidates == ()


async def test_an_empty_answer_is_no_feed(feeds: Feeds, publisher: Publisher) -> None:
    with pytest.raises(FeedNotFound, match="nothing in it"):
        await feeds.resolve(publisher.page("/"), NOW)


@pytest.mark.parametrize(
    ("status", "error"), [(404, FeedFailed), (410, FeedGone), (429, FeedThrottled), (500, FeedFailed)]
)
async def test_what_cannot_be_read_now_says_why(
    feeds: Feeds, publisher: Publisher, status: int, error: type[SourceError]
) -> None:
    with pytest.raises(error, match=f"the server answered {status}"):
        await feeds.resolve(publisher.page("/", status=status), NOW)


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("https://example.org/a", "https://example.org:443"),
        ("http://example.org/a", "http://example.org:80"),
        ("https://example.org:8443/a", "https://example.org:8443"),
        ("http://[2001:db8::1]/a", "http://[2001:db8::1]:80"),
    ],
)
def test_the_host_of_a_feed(feeds: Feeds, key: str, host: str) -> None:
    assert feeds.host(key) == host

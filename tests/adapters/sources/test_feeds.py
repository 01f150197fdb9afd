"""The source `feed` against a publisher on a real socket: what is new, what is whole, what is refused."""

import json
from datetime import timedelta
from typing import Any

import pytest
from multidict import CIMultiDict

from adapters.base import (
    FeedFailed,
    FeedFault,
    FeedGone,
    FeedThrottled,
    Page,
)
from adapters.sources.feeds import Feeds, fresh_seconds
from tests.adapters.sources.visits import DAY, HOUR, NOW, fault_of, stored, titles
from tests.fakes.publisher import Answer, Publisher, bomb, rss

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

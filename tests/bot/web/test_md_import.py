"""Importing Markdown: a document becomes a post of the caller's feed, once, and goes to whoever subscribes."""

import json
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest

from bot.rules.times import instant
from bot.usecases import push_feeds, views
from storage import chat_models, models
from storage.database import Work
from tests import world
from tests.bot.web.gateway import Answer, Caller, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/api/v1/md/import"


async def imported(caller: Caller, body: Any) -> list[Any]:
    answer = await caller("POST", PATH, body)
    assert answer.status == 200, answer.body
    assert answer.body["success"] is True
    return answer.body["data"]  # type: ignore[no-any-return]


async def sent_as(caller: Caller, body: str | bytes, media_type: str = "text/markdown") -> Answer:
    data = BytesIO(body.encode() if isinstance(body, str) else body)
    return await caller("POST", PATH, data=data, headers={"Content-Type": media_type})


async def stored(caller: Caller, feed: str = "imports") -> list[Any]:
    """Posts of the caller's feed, the oldest first."""
    return await caller.served.database.read(_posts, caller.account_id, feed)


def _posts(work: Work, account: int, title: str) -> list[Any]:
    mine = {row.feed_id for row in world.rows(work, chat_models.PushFeed, account_id=account)}
    (feed,) = [row for row in world.rows(work, models.Feed, title=title) if row.id in mine]
    return world.rows(work, models.Post, feed_id=feed.id)


async def test_a_document_becomes_a_post_of_a_feed_that_is_made_for_it(served: Served) -> None:
    caller = await served.caller()
    document = {
        "markdown": "# Ships\n\nTwo *came* in. ![A ship](https://a.example/i.png)",
        "url": "https://a.example/1",
        "author": "Ann",
        "publishedAt": "2026-03-01T08:00:00+08:00",
    }
    (result,) = await imported(caller, document)
    (post,) = await stored(caller)
    assert result == {
        "id": str(post.uid), "feed": "imports", "url": "https://a.example/1", "result": "created", "error": None,
    }  # fmt: skip
    assert (post.title, post.url, post.author, post.is_html) == ("Ships", "https://a.example/1", "Ann", True)
    assert post.content == (
        "<h1>Ships</h1>\n<p>Two <em>came</em> in. "
        '<a href="https://a.example/i.png">A ship</a></p>'
    )  # fmt: skip
    assert post.published_at == datetime.fromisoformat("2026-03-01T00:00:00Z")


async def test_it_goes_to_the_feeds_subscribers_like_a_polled_post(served: Served) -> None:
    caller = await served.caller()
    await imported(caller, {"markdown": "First, to nobody.", "feed": "Notes"})

    def subscribe(work: Work) -> None:
        (feed,) = world.rows(work, models.Feed, title="Notes")
        world.subscribe(
            work,
            feed.id,
            world.add_destinations(work, 2, first=9001, account=caller.account_id),
            account=caller.account_id,
        )

    await served.database.write(subscribe)
    await imported(
        caller, [{"markdown": "## Second\n\nTo *two*.", "feed": "Notes"}, {"markdown": "Third", "feed": "Notes"}]
    )
    await imported(caller, {"markdown": "Elsewhere", "feed": "Others"})

    def delivered(work: Work) -> list[tuple[int, str]]:
        rows = world.rows(work, models.Delivery, account_id=caller.account_id)
        stored = views.load(work, [(row.post_id, row.post_version) for row in rows])
        return [(row.destination_id, views.shown(stored[row.post_id, 1], 100).text) for row in rows]

    assert sorted(await served.database.read(delivered)) == [
        *((9001, "Second\n\nTo two."), (9001, "Third"), (9002, "Second\n\nTo two."), (9002, "Third")),
    ]  # fmt: skip


async def test_a_document_is_known_again_by_its_address(served: Served) -> None:
    caller = await served.caller()
    document = {"markdown": "One", "url": "https://a.example/x?utm_source=b", "title": "T"}
    (first,) = await imported(caller, document)
    (again,) = await imported(caller, document | {"url": "http://a.example/x"})
    (changed,) = await imported(caller, document | {"markdown": "Two"})
    assert [first["result"], again["result"], changed["result"]] == ["created", "updated", "updated"]
    assert first["id"] == again["id"] == changed["id"]
    assert (await imported(caller, document | {"markdown": "Two"}))[0]["result"] == "unchanged"
    assert [(post.content, post.version) for post in await stored(caller)] == [("<p>Two</p>", 3)]


async def test_without_an_address_it_is_known_by_its_text(served: Served) -> None:
    caller = await served.caller()
    some = [{"markdown": "One"}, {"markdown": "Two"}, {"markdown": " One\n"}, {"markdown": "One", "title": "Named"}]
    assert [one["result"] for one in await imported(caller, some)] == ["created", "created", "unchanged", "unchanged"]
    assert [one["result"] for one in await imported(caller, some[1::2])] == ["unchanged", "updated"]
    assert [(post.title, post.content) for post in await stored(caller)] == [
        ("Named", "<p>One</p>"),
        ("", "<p>Two</p>"),
    ]


async def test_others_have_feeds_of_the_same_name_of_their_own(served: Served) -> None:
    caller, other = await served.caller(), await served.caller()
    (mine,), (theirs,) = await imported(caller, {"markdown": "Same"}), await imported(other, {"markdown": "Same"})
    assert mine["result"] == theirs["result"] == "created"
    assert mine["id"] != theirs["id"]


async def test_broken_documents_are_named_and_the_others_taken(served: Served) -> None:
    caller = await served.caller()
    some: list[Any] = [
        {"markdown": "Good"},
        {"title": "No text"},
        {"markdown": ""},
        {"markdown": 5},
        "no object",
        {"markdown": "a", "url": "ftp://a.example/"},
        {"markdown": "a", "publishedAt": "yesterday"},
        {"markdown": "a", "title": ["b"]},
        {"markdown": "<!-- nothing -->"},
        {"markdown": "---\ntitle: [a]\n---\nb"},
        {"markdown": "a\0b"},
        {"markdown": "Good, too", "feed": "Other"},
    ]
    results = await imported(caller, some)
    assert [one["result"] for one in results] == ["created", *["error"] * 10, "created"]
    assert [one["error"]["message"] for one in results[1:-1]] == [
        "markdown is required",
        "markdown is required",
        "markdown must be a string",
        "a document is a JSON object",
        "url is an address that begins with https:// or http://",
        "publishedAt is a time like 2026-03-19T00:00:00.000Z",
        "title must be a string",
        "a document has a text or a title",
        "title in the front matter is a plain text: put it in quotes",
        "a document holds characters or numbers that cannot be stored",
    ]
    assert {one["error"]["code"] for one in results[1:-1]} == {"invalid_document"}
    assert len(await stored(caller)) == len(await stored(caller, "Other")) == 1


async def test_text_with_front_matter_is_a_document(served: Served) -> None:
    caller = await served.caller()
    text = (
        '---\ntitle: "Ships: two"\nurl: https://a.example/2\nauthor: Ann\ntags: [a, b]\n'
        "publishedAt: 2026-03-01\nfeed: Notes\n---\n\nThe **text** 雪."
    )
    answer = await sent_as(caller, text, "text/markdown; charset=utf-8")
    assert (answer.status, answer.body["data"][0]["result"]) == (200, "created")
    (post,) = await stored(caller, "Notes")
    assert (post.title, post.url, post.author) == ("Ships: two", "https://a.example/2", "Ann")
    assert post.content == "<p>The <strong>text</strong> 雪.</p>"
    assert post.published_at == instant("2026-03-01")
    (again,) = await imported(caller, {"markdown": text, "title": "Better"})  # what JSON says counts more
    assert (again["result"], (await stored(caller, "Notes"))[0].title) == ("updated", "Better")


async def test_nothing_that_runs_is_kept(served: Served) -> None:
    caller = await served.caller()
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>[a](javascript:alert(1))<b onclick=x>b</b>"
    await imported(caller, {"markdown": hostile, "title": "<b>T</b>"})
    (post,) = await stored(caller)
    assert (post.title, post.content) == ("<b>T</b>", "[a](javascript:alert(1))<b>b</b>")


@pytest.mark.parametrize(
    ("body", "media_type", "status", "message"),
    [
        ("", "application/json", 400, "the body must be JSON"),
        ("{", "application/json", 400, "the body must be JSON"),
        ('"text"', "application/json", 400, "the body must be JSON"),
        ('{"markdown": "a", "markdown": "b"}', "application/json", 400, "the body must be JSON"),
        ("[" * 100_000, "application/json", 400, "the body must be JSON"),
        ("[]", "application/json", 400, "from 1 to 100 documents at once"),
        (json.dumps([{"markdown": "a"}] * 101), "application/json", 400, "from 1 to 100 documents at once"),
        ("{}", "application/json", 400, "markdown is required"),
        ('{"markdown": "a", "url": "x"}', "application/json", 400, "url is an address that begins with https:// or http://"),
        ('[{"markdown": 1}]', "application/json", 400, "markdown must be a string"),
        ("", "text/markdown", 400, "markdown is required"),
        (b"\xff", "text/markdown", 400, "the body must be text in UTF-8"),
        ("---\ntitle: 'a\n---\nb", "text/markdown", 400, "title in the front matter: the quotes do not fit"),
        ("x" * (5 * 1024 * 1024 + 1), "text/markdown", 413, "request body is too large"),
    ],
)  # fmt: skip
async def test_bodies_that_cannot_be_read(
    served: Served, body: str | bytes, media_type: str, status: int, message: str
) -> None:
    answer = await sent_as(await served.caller(), body, media_type)
    assert (answer.status, answer.body["error"]["message"]) == (status, message)
    assert answer.body["success"] is False


async def test_five_mebibytes_are_taken_and_the_beginning_of_a_long_text_is_kept(served: Served) -> None:
    caller = await served.caller()
    answer = await sent_as(caller, "word " * (1024 * 1024))
    assert answer.body["data"][0]["result"] == "created"
    (post,) = await stored(caller)
    assert 60_000 < len(post.content) <= 65_536


async def test_an_account_has_a_hundred_feeds_at_most(served: Served) -> None:
    caller = await served.caller()

    def make(work: Work) -> None:
        for n in range(99):
            push_feeds.make(work, caller.account_id, f"Feed {n}")

    await served.database.write(make)
    results = await imported(caller, [{"markdown": "b", "feed": f"Feed {n}"} for n in (99, 100, 0)])
    assert [one["result"] for one in results] == ["created", "error", "created"]
    assert results[1]["error"]["message"] == "you have 100 feeds, and Feed 100 is none of them"


async def test_who_has_no_key_is_refused_before_anything_is_read(served: Served) -> None:
    answer = await served.ask("POST", PATH, json={"markdown": "a"})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    answer = await served.ask("GET", PATH)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")

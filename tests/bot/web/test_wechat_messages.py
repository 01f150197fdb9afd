"""The messages API, as its clients know it: who may ask, what a message holds, pages, `since`, errors."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from adapters.base import FeedInfo
from bot.rules.times import iso_millis
from bot.usecases import feeds, subscriptions
from storage import models
from storage.database import Work
from tests import world
from tests.bot.web.gateway import Answer, Caller, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/api/v1/wechat/messages"
LONG = "https://mp.weixin.qq.com/s?__biz=MzA3MDM3NjE5NQ==&mid=2247483650&idx=1&sn=ab#wechat_redirect"
LONG_ID = "2247483650_1_MzA3MDM3NjE5NQ"


async def follows(caller: Caller, feed: int, destinations: int = 1, **fields: Any) -> int:
    """The caller follows a feed at so many destinations."""
    return await caller.served.database.write(_follow, caller.account_id, feed, destinations, fields)


def _follow(work: Work, account: int, feed: int, destinations: int, fields: dict[str, Any]) -> int:
    usual = {"source": "wechat", "key": f"biz{feed}", "title": f"Account {feed}", "host": ""}
    if work.session.get(models.Feed, feed) is None:
        world.add_feed(work, feed, **usual | fields)
    first = 1 + max((row.id for row in world.rows(work, models.Destination)), default=0)
    world.subscribe(
        work, feed, world.add_destinations(work, destinations, first=first, account=account), account=account
    )
    return feed


async def stored(served: Served, feed: int, *some: Any) -> None:
    """New posts, as a poll brings them."""
    await served.database.write(_store, feed, some)


def _store(work: Work, feed: int, some: Sequence[Any]) -> None:
    known = world.row(work, models.Feed, feed)
    info = FeedInfo(title=known.title, name=known.name, image=known.image)
    world.record(work, feeds.hurry(work, feed, world.INTERVAL), world.page(*some, info=info))


async def listed(caller: Caller, **query: Any) -> list[Any]:
    return (await asked(caller, **query)).body["data"]  # type: ignore[no-any-return]


async def asked(caller: Caller, **query: Any) -> Answer:
    answer = await caller("GET", f"{PATH}?" + "&".join(f"{name}={value}" for name, value in query.items()))
    assert answer.status == 200, answer.body
    return answer


def names(found: Sequence[Any]) -> list[str]:
    return [one["title"] for one in found]


async def test_a_message_holds_what_its_clients_expect(served: Served) -> None:
    caller = await served.caller()
    await follows(
        caller, 1001, key="MzA3MDM3NjE5NQ==", title="Harbour News", name="gh_1", image="https://x.example/a.png"
    )
    post = world.item(
        *("a",),
        url=LONG,
        title="Ships",
        author="Ann",
        summary="Short",
        image="https://mmbiz.qpic.cn/c.jpg",
        published=served.clock.now - timedelta(hours=2, microseconds=-4321),
    )
    await stored(served, 1001, post)
    stored_at = served.clock.now
    assert (await asked(caller)).body == {
        "success": True,
        "data": [
            {
                "id": LONG_ID,
                "url": LONG,
                "title": "Ships",
                "summary": "Short",
                "author": "Ann",
                "content": "<p>The text of a.</p>",
                "contentType": "html",
                "coverUrl": "https://mmbiz.qpic.cn/c.jpg",
                "account": {
                    "id": "MzA3MDM3NjE5NQ==",
                    "name": "Harbour News",
                    "alias": "gh_1",
                    "avatarUrl": "https://x.example/a.png",
                },
                "publishedAt": iso_millis(stored_at - timedelta(hours=2, milliseconds=-4)),
                "createdAt": iso_millis(stored_at),
                "updatedAt": iso_millis(stored_at),
                "recalled": False,
            }
        ],
        "pagination": {"page": 1, "pageSize": 20, "total": 1, "totalPages": 1, "hasMore": False},
    }


async def test_what_a_message_does_not_have_is_null(served: Served) -> None:
    caller = await served.caller()
    await follows(caller, 1002, source="tencent", key="@TOA#_1", title="")
    await stored(served, 1002, world.item("b", url="", title="", content="Ahoy", is_html=False))
    (message,) = await listed(caller)
    (post,) = await served.database.read(world.rows, models.Post, feed_id=1002)
    assert message["id"] == str(post.uid)
    assert (message["url"], message["title"], message["contentType"]) == ("", "", "text")
    assert {message[name] for name in ("summary", "author", "coverUrl", "publishedAt")} == {None}
    assert message["account"] == {"id": "@TOA#_1", "name": "@TOA#_1", "alias": None, "avatarUrl": None}


async def test_a_short_address_is_known_by_its_name(served: Served) -> None:
    caller = await served.caller()
    await follows(caller, 1003)
    await stored(served, 1003, world.item("c", url="https://mp.weixin.qq.com/s/AbC-dEf_1?scene=1"))
    (message,) = await listed(caller)
    assert (message["id"], message["url"]) == ("AbC-dEf_1", "https://mp.weixin.qq.com/s/AbC-dEf_1?scene=1")


async def test_each_message_is_listed_once_the_latest_first_of_active_subscriptions_to_wechat_alone(
    served: Served,
) -> None:
    caller, other = await served.caller(), await served.caller()
    await follows(caller, 1010, destinations=3)
    await follows(caller, 1011, source="tencent")
    await follows(caller, 1012, source="feed")
    await follows(caller, 1013)
    await follows(other, 1014)
    for feed in (1010, 1011, 1012, 1013, 1014, 1010):
        served.clock.advance(seconds=10)
        now = f"{served.clock.now:%M%S}"
        await stored(served, feed, world.item(f"{feed}a{now}"), world.item(f"{feed}b{now}"))
    assert [name[5:10] for name in names(await listed(caller))] == [
        *("1010b", "1010a", "1013b", "1013a", "1011b", "1011a", "1010b", "1010a"),
    ]
    for one in await served.database.read(world.rows, models.Subscription, feed_id=1013):
        await served.database.write(subscriptions.unsubscribe, one.id)
    answer = await asked(caller)
    assert {name[5:9] for name in names(answer.body["data"])} == {"1010", "1011"}
    assert answer.body["pagination"]["total"] == 6
    assert (await asked(await served.caller())).body["data"] == []


async def test_pages_hold_everything_once_and_say_how_many_there_are(served: Served) -> None:
    caller = await served.caller()
    for feed in (1020, 1021, 1022):
        await follows(caller, feed)
    for n in range(15):
        served.clock.advance(seconds=1)
        await stored(served, 1020 + n * n % 3, *(world.item(f"{n:02d}-{m}") for m in range(3)))
    everything = names(await listed(caller, pageSize=100))
    assert everything == [f"Post {n:02d}-{m}" for n in reversed(range(15)) for m in (2, 1, 0)]
    for size in (1, 7, 44, 45, 46):
        pages = [await asked(caller, page=page, pageSize=size) for page in range(1, -(-45 // size) + 1)]
        assert [name for one in pages for name in names(one.body["data"])] == everything
        assert [one.body["pagination"]["hasMore"] for one in pages] == [True] * (len(pages) - 1) + [False]
        assert {one.body["pagination"]["total"] for one in pages} == {45}
        assert {one.body["pagination"]["totalPages"] for one in pages} == {len(pages)}


async def test_a_page_beyond_the_end_is_empty(served: Served) -> None:
    caller = await served.caller()
    await follows(caller, 1030)
    await stored(served, 1030, world.item("d"))
    for page in (2, 3, 10**9, 2**62):
        answer = (await asked(caller, page=page)).body
        assert answer["data"] == []
        assert answer["pagination"] == {"page": page, "pageSize": 20, "total": 1, "totalPages": 1, "hasMore": False}


async def test_a_large_page_is_of_a_hundred(served: Served) -> None:
    caller = await served.caller()
    for size in (101, 10**9):
        assert (await asked(caller, pageSize=size)).body["pagination"]["pageSize"] == 100


async def test_since_is_inclusive_and_looks_a_minute_further_back(served: Served) -> None:
    caller = await served.caller()
    await follows(caller, 1040)
    at = []
    for n in range(5):
        served.clock.advance(minutes=1)
        await stored(served, 1040, world.item(f"{n}"))
        at.append(served.clock.now)
    shown = [f"Post {n}" for n in (4, 3, 2)]
    assert names(await listed(caller, since=iso_millis(at[3]))) == shown
    late = at[3] + timedelta(milliseconds=1)
    assert names(await listed(caller, since=iso_millis(late))) == shown[:2]
    answer = (await asked(caller, since=iso_millis(late), pageSize=1, page=2)).body
    assert names(answer["data"]) == ["Post 3"]
    assert answer["pagination"] == {"page": 2, "pageSize": 1, "total": 2, "totalPages": 2, "hasMore": False}
    assert await listed(caller, since=iso_millis(at[4] + timedelta(minutes=2))) == []
    assert len(await listed(caller, since="1970-01-01")) == 5


@pytest.mark.parametrize("form", ["{:%Y-%m-%dT%H:%M:%SZ}", "{:%Y-%m-%dT%H:%M:%S}", "{:%Y-%m-%dT%H:%M:%S.000+00:00}"])
async def test_since_is_read_in_every_form_and_a_plus_may_be_lost_on_the_way(served: Served, form: str) -> None:
    caller = await served.caller()
    await follows(caller, 1050)
    await stored(served, 1050, world.item("early"))
    served.clock.advance(minutes=5)
    await stored(served, 1050, world.item(f"late {form}"))
    text = form.format(served.clock.now)
    assert len(await listed(caller, since=text)) == len(await listed(caller, since=text.replace("+", "%2B"))) == 1
    millis = int(served.clock.now.timestamp() * 1000)
    assert len(await listed(caller, since=millis)) == 1


async def test_what_was_recalled_keeps_its_place_and_says_nothing_more(served: Served) -> None:
    caller = await served.caller()
    await follows(caller, 1060)
    await stored(served, 1060, world.item("x", image="https://i.example/1", summary="S"), world.item("y"))
    later = served.clock.now + timedelta(minutes=3)

    def recall(work: Work) -> None:
        table = models.Post.__table__
        work.session.execute(table.update().where(table.c.feed_id == 1060, table.c.seq == 1).values(withdrawn_at=later))

    await served.database.write(recall)
    other, recalled = await listed(caller)
    assert (other["recalled"], recalled["recalled"], recalled["title"]) == (False, True, "Post x")
    assert {recalled[name] for name in ("content", "contentType", "summary", "coverUrl")} == {None}
    assert recalled["updatedAt"] == iso_millis(later)


async def test_an_edit_is_shown_in_its_place_with_its_time(served: Served) -> None:
    caller = await served.caller()
    await follows(caller, 1070)
    await stored(served, 1070, world.item("p"), world.item("q"))
    served.clock.advance(minutes=20)
    await stored(served, 1070, world.item("p", title="Better"), world.item("q"))
    assert names(found := await listed(caller)) == ["Post q", "Better"]
    assert found[1]["updatedAt"] > found[1]["createdAt"] == found[0]["createdAt"]


# Who may ask, and what is wrong


async def test_the_key_is_a_bearer_token(served: Served) -> None:
    caller = await served.caller()
    for header in (f"Bearer {caller.key}", f"bearer  {caller.key}"):
        assert (await served.ask("GET", PATH, headers={"Authorization": header})).status == 200
    for headers in (
        {},
        {"Authorization": caller.key},
        {"Authorization": f"Basic {caller.key}"},
        {"Authorization": f"Token {caller.key}"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {caller.key}x"},
        {"Authorization": "Bearer bws_prod_" + "0" * 27},
    ):
        answer = await served.ask("GET", PATH, headers=headers)
        assert answer.status == 401
        assert answer.body == {"success": False, "error": {"code": "unauthorized", "message": "Invalid API key"}}
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("page=0", "page must be 1 or more"),
        ("page=-1", "page must be 1 or more"),
        ("page=one", "page must be a number"),
        ("page=1.5", "page must be a number"),
        ("page=", "page must be a number"),
        ("page=1&page=2", "page must be a number"),
        ("page=99999999999999999999", "page must be a number"),
        ("pageSize=0", "pageSize must be 1 or more"),
        ("pageSize=x", "pageSize must be a number"),
        ("since=", "since must be a time like 2026-03-19T00:00:00.000Z"),
        ("since=yesterday", "since must be a time like 2026-03-19T00:00:00.000Z"),
        ("since=2026-02-30", "since must be a time like 2026-03-19T00:00:00.000Z"),
        ("since=%00", "since must be a string"),
    ],
)
async def test_queries_that_cannot_be_read(served: Served, query: str, message: str) -> None:
    answer = await (await served.caller())("GET", f"{PATH}?{query}")
    assert answer.status == 400
    assert answer.body == {"success": False, "error": {"code": "invalid_parameter", "message": message}}


async def test_the_ends_of_time_are_times(served: Served) -> None:
    caller = await served.caller()
    await follows(caller, 1080)
    await stored(served, 1080, world.item("z"))
    assert len(await listed(caller, since="0001-01-01T00:00:00Z")) == 1
    assert await listed(caller, since="9999-12-31T23:59:59Z") == []


async def test_other_methods_and_paths_are_refused_in_the_same_words(served: Served) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = await served.ask(method, PATH)
        assert (answer.status, answer.body["error"]["code"]) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET,HEAD"
    for path in ("/api/v1/wechat/", "/api/v1/wechat/nothing", f"{PATH}/1", "/api/v1/md", "/api/v1/md/nothing"):
        answer = await served.ask("GET", path)
        assert answer.status == 404
        assert answer.body == {"success": False, "error": {"code": "not_found", "message": "Not Found"}}
    assert (await served.ask("HEAD", PATH)).status == 401


async def test_too_many_requests_are_told_when_to_come_back(served: Served) -> None:
    caller = await served.caller()
    answers = [await served.ask("GET", PATH, headers={"Authorization": f"Bearer {caller.key}"}) for _ in range(41)]
    assert [one.status for one in answers] == [200] * 40 + [429]
    assert answers[-1].body["error"]["code"] == "rate_limited"
    assert answers[-1].headers["Retry-After"] == "1"

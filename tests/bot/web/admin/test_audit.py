"""Every change leaves exactly one entry in the audit log, which is read in pages and never changed."""

import msgspec
import pytest
from sqlalchemy import Executable, delete, text, update
from sqlalchemy.exc import IntegrityError

from storage import models
from storage.admin_models import AuditEntry
from storage.database import StorageError, Work
from tests import world
from tests.bot.web.gateway import ADMIN_TOKEN, Caller, Served, routes_of_administration

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = "2026-01-01T00:00:00Z"
CHANGES = [  # in this order; with what the log says
    ("POST", "/accounts", {"email": "audited@example.org"}, "create account"),
    ("PUT", "/accounts/{account}/plan", {"plan": "free"}, "change plan"),
    ("PUT", "/accounts/{account}/operator", {"operator": False}, "change operator"),
    ("PUT", "/accounts/{account}/limits", {"limits": {"phones": 5}}, "change limits"),
    ("POST", "/accounts/{account}/credits", {"add": 5}, "change credits"),
    ("POST", "/accounts/{account}/keys", {"name": "new"}, "create key"),
    ("DELETE", "/accounts/{account}/keys/{prefix}", None, "delete key"),
    ("POST", "/accounts/{account}/disable", {"reason": "unpaid"}, "disable account"),
    ("POST", "/accounts/{account}/enable", None, "enable account"),
    ("POST", "/destinations/{destination}/disable", {}, "disable destination"),
    ("POST", "/destinations/{destination}/enable", None, "enable destination"),
    ("POST", "/feeds/{feed}/poll", None, "poll feed"),
    ("POST", "/feeds/{feed}/pause", None, "pause feed"),
    ("POST", "/feeds/{feed}/resume", None, "resume feed"),
    ("POST", "/feeds/{feed}/move", {"address": "https://moved.example.org/feed"}, "move feed"),
    ("POST", "/deliveries/{delivery}/again", None, "send again"),
    ("POST", "/deliveries/again", {}, "send many again"),
    ("POST", "/deliveries/expire", {"before": NOW}, "expire deliveries"),
    ("POST", "/channels/{channel}/pause", None, "pause channel"),
    ("POST", "/channels/{channel}/resume", None, "resume channel"),
    ("POST", "/sending/hold", None, "hold sending"),
    ("POST", "/sending/release", None, "release sending"),
    ("POST", "/invitations", {"email": "invited@example.org"}, "invite"),
    ("DELETE", "/invitations/{invitation}", None, "withdraw invitation"),
    ("POST", "/announcements", {"text": "The pond is closed."}, "announce"),
    ("DELETE", "/announcements/{announcement}", None, "withdraw announcement"),
    ("DELETE", "/accounts/{account}", None, "delete account"),
]


async def test_every_route_that_changes_something_is_in_the_table_below() -> None:
    mounted = {(route.method, route.path) for route in routes_of_administration() if route.method != "GET"}
    assert {(method, f"/admin/v1{path}") for method, path, _, _ in CHANGES} == mounted


async def names(served: Served, caller: Caller) -> dict[str, str]:
    """An account with something of everything."""
    await caller.subscribed()
    await served.post("x", "44196397", world.item(f"audit {caller.account_id}"))
    (phone,) = await served.database.read(world.rows, models.Destination, account_id=caller.account_id)
    (sent,) = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id, event="")
    old, _ = (served.feeds.add(f"https://{name}.example.org/feed") for name in ("audited", "moved"))
    await caller.follows(old, (await caller.webhook())["id"])
    (feed,) = await served.database.read(world.rows, models.Feed, key=old)
    open_ = (await served.admin("POST", "/invitations", {})).body
    told = (await served.admin("POST", "/announcements", {"text": "Frogs at noon."})).body
    key = await served.another_key(caller.account_id)
    ids = {"account": caller.account_id, "destination": phone.id, "feed": feed.id, "delivery": sent.id}
    ids |= {"invitation": open_["id"], "announcement": told["id"]}
    return {name: str(id_) for name, id_ in ids.items()} | {"prefix": key.key[:12], "channel": "whatsapp"}


async def entries(served: Served, path: str = "/audit") -> list[dict[str, object]]:
    return list((await served.admin("GET", path)).body["entries"])


async def test_each_change_leaves_one_entry_and_each_refusal_none(served: Served) -> None:
    caller = await served.caller()
    ids = await names(served, caller)
    for method, path, body, action in CHANGES:
        before = await served.database.read(world.rows, AuditEntry)
        wrong = path.format(**dict.fromkeys(ids, "999999"))
        if "{" in path:
            assert (await served.admin(method, wrong, body)).status == 404
        done = await served.admin(method, path.format(**ids), body)
        assert done.status in (200, 201), (path, done.body)
        (entry,) = (await served.database.read(world.rows, AuditEntry))[len(before) :]
        assert (entry.action, entry.actor, entry.account_id, entry.address) == (
            action,
            "admin token",
            None,
            "127.0.0.1",
        )
        if "{account}" in path:
            assert entry.target.startswith(f"account {caller.account_id}")


async def test_an_entry_says_who_what_when_from_where_and_the_difference(served: Served) -> None:
    operator, caller = await served.operator(), await served.caller("free")
    done = await operator("PUT", f"/admin/v1/accounts/{caller.account_id}/plan", {"plan": "business"})
    assert done.status == 200
    entry = (await entries(served))[0]
    at = str(entry.pop("at"))
    assert at.endswith("Z")
    assert msgspec.convert(at, type(served.clock.now)) == served.clock.now - world.SECOND / 20
    assert entry | {"id": 0} == {
        "id": 0,
        "actor": "operator",
        "account_id": operator.account_id,
        "key_prefix": operator.key[:12],
        "address": f"2001:db8:{operator.account_id:x}::1",
        "action": "change plan",
        "target": f"account {caller.account_id}",
        "before_change": {"plan": "free", "credits": None},
        "after_change": {"plan": "business", "credits": None},
    }


async def test_no_secret_is_in_the_log(served: Served) -> None:
    caller = await served.caller()
    key = (await served.admin("POST", f"/accounts/{caller.account_id}/keys", {})).body["key"]
    text_ = str(await served.database.read(world.rows, AuditEntry))
    assert key not in text_
    assert ADMIN_TOKEN not in text_


async def test_the_log_is_read_in_pages(served: Served) -> None:
    for _ in range(4):
        await served.admin("POST", "/sending/release")
    page = (await served.admin("GET", "/audit?limit=2")).body
    following = (await served.admin("GET", f"/audit?limit=2&before={page['before']}")).body
    ids = [one["id"] for one in (*page["entries"], *following["entries"])]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 4
    assert (await served.admin("GET", "/audit?before=1")).body == {"entries": [], "before": None}


@pytest.mark.parametrize("change", [update(AuditEntry.__table__).values(actor="nobody"), delete(AuditEntry.__table__)])
async def test_the_log_cannot_be_changed(served: Served, change: Executable) -> None:
    await served.admin("POST", "/sending/release")

    def run(work: Work) -> None:
        work.session.execute(change)

    with pytest.raises((IntegrityError, StorageError), match="only added to"):
        await served.database.write(run)


async def test_a_change_that_fails_leaves_nothing(served: Served) -> None:
    """The entry and the change are one transaction."""
    from bot.usecases.administration import deliveries
    from bot.usecases.audit import COMMAND_LINE

    def run(work: Work) -> None:
        deliveries.hold(work, COMMAND_LINE)
        work.session.execute(text("SELECT * FROM no_such_table"))

    before = len(await served.database.read(world.rows, AuditEntry))
    with pytest.raises(Exception, match="no_such_table"):
        await served.database.write(run)
    assert len(await served.database.read(world.rows, AuditEntry)) == before
    assert (await served.admin("GET", "/stats")).body["held"] is False

"""The operator's pages over HTTP: only operators see them, every change is audited, hostile text stays text."""

import re
import shutil
import sqlite3
from collections import namedtuple
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from bot.usecases import providers
from bot.usecases.administration import deliveries
from bot.usecases.audit import COMMAND_LINE
from bot.web.console.menu import OPERATORS
from storage import models
from storage.admin_models import AuditEntry
from storage.database import Work
from storage.operation_models import Announcement
from tests import world
from tests.bot.web.gateway import Served
from tests.bot.web.people import PASSWORD, Person, signed_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"
PAGES = [item.path.removeprefix("/console") for item in OPERATORS.entries] + ["/operator/accounts/invitations"]


@pytest_asyncio.fixture(loop_scope="module")
async def ann(served: Served) -> AsyncIterator[Person]:
    """An operator."""
    async with await signed_in(served, operator=True) as person:
        yield person


async def last(served: Served) -> Any:
    return (await served.database.read(world.rows, AuditEntry))[-1]


@pytest.mark.parametrize("path", PAGES)
async def test_only_operators_see_these_pages(served: Served, ann: Person, path: str) -> None:
    assert (await ann.get(path)).status == 200
    async with await signed_in(served) as bob, Person(served.url) as stranger:
        assert (await bob.get(path)).status == 403
        assert (await stranger.get(path)).url.startswith(f"{served.url}/console/sign-in")
        assert "Doctor" not in (await bob.get("/")).words


async def test_nobody_else_changes_anything(served: Served, ann: Person) -> None:
    before = len(await served.database.read(world.rows, AuditEntry))
    async with await signed_in(served) as bob:
        begun = len(await served.database.read(world.rows, AuditEntry))
        for path in (
            "/operator/installation/hold",
            "/operator/installation/release",
            "/operator/accounts/invitations",
            f"/operator/accounts/{ann.account_id}/disable",
            f"/operator/accounts/{ann.account_id}/delete",
            "/operator/channels/pause",
            "/operator/announcements",
            "/operator/backup",
            "/operator/doctor",
        ):
            assert (await bob.post(path, {"email": "x@example.org", "text": "x"})).status == 403
    assert begun == before + 1  # bob signed in
    assert len(await served.database.read(world.rows, AuditEntry)) == begun


async def test_sending_is_held_and_released(served: Served, ann: Person) -> None:
    held = await ann.post("/operator/installation/hold")
    assert "on hold" in held.words
    entry = await last(served)
    assert (entry.action, entry.actor, entry.account_id) == ("hold sending", "console", ann.account_id)
    assert entry.address == f"2001:db8:{ann.account_id:x}::1"
    assert "Sending goes on." in (await ann.post("/operator/installation/release")).words


async def test_the_installation_tells_what_waits(served: Served, ann: Person) -> None:
    assert "Nothing waits." in (await ann.get("/operator/installation/live")).words
    await served.database.write(deliveries.hold, COMMAND_LINE)
    caller = await served.caller()
    await caller.subscribed()
    await served.post("x", "44196397", world.item(f"waits {caller.account_id}"))
    shown = (await ann.get("/operator/installation/live")).words
    assert "Posts to chats 1 0 0 0" in shown or "Codes" in shown
    await served.database.write(deliveries.release, COMMAND_LINE)
    queue = (await served.admin("GET", "/queue")).body
    assert {row["lane"] for row in queue["rows"]} >= {"chat"}
    storage = (await served.admin("GET", "/storage")).body
    assert storage["engine"] == served.database.engine
    assert storage["bytes"] > 100_000
    assert storage["kept_days"]["deliveries"] == 90


# Accounts


async def test_accounts_are_found_and_changed(served: Served, ann: Person) -> None:
    caller = await served.caller("free", name=HOSTILE)
    email = f"{served.count}@example.org"
    found = await ann.get(f"/operator/accounts?search={email}")
    assert email in found.words
    assert "<script>alert" not in found.text
    assert "<img src=x" not in found.text
    one = f"/operator/accounts/{caller.account_id}"
    assert "<script>alert" not in (await ann.get(one)).text
    assert "Changed." in (await ann.post(f"{one}/plan", {"plan": "business"})).words
    assert (await last(served)).action == "change plan"
    changed = await ann.post(f"{one}/limits", {"api_keys": "7", "phones": "*", "subscriptions": ""})
    assert "API keys 1 7" in changed.words
    assert "any number" in changed.words
    assert "Credits 50" in (await ann.post(f"{one}/credits", {"how": "set", "credits": "50"})).words
    assert "Credits 40" in (await ann.post(f"{one}/credits", {"how": "add", "credits": "-10"})).words
    assert "Credits not counted" in (await ann.post(f"{one}/credits", {"how": "set", "credits": ""})).words
    disabled = await ann.post(f"{one}/disable", {"reason": "unpaid"})
    assert "unpaid" in disabled.words
    assert (await caller("GET", "/api/v1/account")).status == 403
    assert "Changed." in (await ann.post(f"{one}/enable")).words
    assert (await caller("GET", "/api/v1/account")).status == 200


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("plan", {"plan": "gold"}),
        ("limits", {"phones": "many"}),
        ("limits", {"phones": "-1"}),
        ("credits", {"how": "set", "credits": "x"}),
        ("credits", {"how": "add", "credits": ""}),
        ("credits", {"how": "set", "credits": "-1"}),
        ("enable", {}),
        ("delete", {"email": "somebody@else.org"}),
    ],
)
async def test_what_cannot_be_changed_so_is_said_on_the_page(
    served: Served, ann: Person, path: str, form: dict[str, Any]
) -> None:
    caller = await served.caller()
    before = len(await served.database.read(world.rows, AuditEntry))
    shown = await ann.post(f"/operator/accounts/{caller.account_id}/{path}", form)
    assert shown.status == 422
    assert 'role="alert"' in shown.text
    assert len(await served.database.read(world.rows, AuditEntry)) == before
    assert (await ann.post(f"/operator/accounts/999999/{path}", form)).status in (404, 422)


async def test_nobody_locks_themselves_out(served: Served, ann: Person) -> None:
    one = f"/operator/accounts/{ann.account_id}"
    assert "the account that you use yourself" in (await ann.post(f"{one}/disable")).words
    row = await served.database.read(world.row, models.Account, ann.account_id)
    assert "the account that you use yourself" in (await ann.post(f"{one}/delete", {"email": row.email})).words
    assert (await ann.get(one)).status == 200


async def test_an_account_is_deleted_by_typing_its_address(served: Served, ann: Person) -> None:
    caller = await served.caller()
    one = f"/operator/accounts/{caller.account_id}"
    assert "is deleted" in (await ann.post(f"{one}/delete", {"email": f"{served.count}@example.org"})).words
    assert (await ann.get(one)).status == 404
    assert (await caller("GET", "/api/v1/account")).status in (401, 403)


# Invitations


async def invited(served: Served, ann: Person, path: str, form: dict[str, str]) -> str:
    """The path of the link that is shown, below /console."""
    shown = await ann.post(path, form)
    (link,) = set(re.findall(r"/console(/invitations/[\w-]{43})", shown.text))
    assert link not in (await ann.get("/operator/accounts/invitations")).text
    assert (await last(served)).action == "invite"
    return str(link)


async def test_an_invitation_makes_an_account_on_its_plan(served: Served, ann: Person) -> None:
    email = f"invited{served.count}@example.org"
    link = await invited(served, ann, "/operator/accounts/invitations", {"email": email, "plan": "free"})
    assert email in (await ann.get("/operator/accounts/invitations")).words
    async with Person(served.url) as bob:
        assert (await bob.post(link, {"email": email, "password": PASSWORD})).status == 200
        assert (await bob.get("/operator/accounts")).status == 403
    (row,) = await served.database.read(world.rows, models.Account, email=email)
    assert (row.plan, row.operator) == ("free", False)
    taken = await ann.post("/operator/accounts/invitations", {"email": email})
    assert (taken.status, "there is an account" in taken.words) == (422, True)
    assert (await ann.post("/operator/accounts/invitations", {"email": "no address"})).status == 422


async def test_an_invitation_of_an_operator_can_be_withdrawn(served: Served, ann: Person) -> None:
    link = await invited(served, ann, "/operator/accounts/invitations", {"email": "", "operator": "on"})
    (invitation,) = (await served.admin("GET", "/invitations")).body["invitations"][:1]
    assert (invitation["operator"], invitation["invited_by"]) == (True, ann.account_id)
    path = f"/operator/accounts/invitations/{invitation['id']}/withdraw"
    assert "Withdrawn." in (await ann.post(path)).words
    assert (await ann.post(path)).status == 404
    async with Person(served.url) as bob:
        assert (await bob.get(link)).status == 404


async def test_an_account_is_created_at_once_without_a_link(served: Served, ann: Person) -> None:
    email = f"created{served.count}@example.org"
    shown = await ann.post("/operator/accounts/invitations", {"email": email, "plan": "", "create": "now"})
    assert "The account is there." in shown.words
    assert f"<h1>{email}</h1>" in shown.text
    assert (await last(served)).action == "create account"
    again = await ann.post("/operator/accounts/invitations", {"email": email, "create": "now"})
    assert (again.status, "there is an account" in again.words) == (422, True)


async def test_an_operator_is_made_and_unmade(served: Served, ann: Person) -> None:
    async with await signed_in(served) as bob:
        one = f"/operator/accounts/{bob.account_id}/operator"
        assert "Operator no more" in (await ann.post(one, {"operator": "on"})).words
        assert "Sign in" in (await bob.get("/account")).words  # its sessions have ended
        async with await signed_in(served, account_id=bob.account_id) as again:
            assert (await again.get("/operator/doctor")).status == 200
            assert "Make it an operator" in (await ann.post(one)).words
            assert "Sign in" in (await again.get("/operator/doctor")).words
    assert (await ann.post(f"/operator/accounts/{ann.account_id}/operator")).status == 422


async def test_a_link_for_a_new_password_ends_sessions(served: Served, ann: Person) -> None:
    async with await signed_in(served) as bob, Person(served.url) as there:
        link = await invited(served, ann, f"/operator/accounts/{bob.account_id}/link", {})
        assert (await there.post(link, {"password": PASSWORD})).status == 200
        assert "Sign in" in (await bob.get("/account")).words


# Feeds


async def test_feeds_are_found_paused_resumed_and_read(served: Served, ann: Person) -> None:
    fields = {"title": HOSTILE, "failures": 3, "failing_since": served.clock.now, "reason": HOSTILE, "fault": "http"}
    feed = await served.database.write(_feed, 900 + served.count, **fields)
    found = await ann.get("/operator/feeds?state=failing&search=alert")
    assert f"/console/operator/feeds/{feed}" in found.text
    one = f"/operator/feeds/{feed}"
    for page in (found, await ann.get(one)):
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
    assert "3 failures in a row" in (await ann.get(one)).words
    assert (await ann.post(f"{one}/resume")).status == 422
    assert "Changed." in (await ann.post(f"{one}/pause")).words
    assert (await ann.post(f"{one}/poll")).status == 422
    assert "Changed." in (await ann.post(f"{one}/resume")).words
    assert "next turn" in (await ann.post(f"{one}/poll")).words
    assert (await last(served)).action == "poll feed"
    assert (await ann.get("/operator/feeds/999999")).status == 404
    assert (await ann.post("/operator/feeds/999999/poll")).status == 404


async def test_a_feed_moves_to_another_address_with_its_subscriptions(served: Served, ann: Person) -> None:
    caller = await served.caller()
    old, new = (served.feeds.add(f"https://{name}{caller.account_id}.example.org/feed") for name in ("old", "new"))
    hook = await caller.webhook()
    made = await caller.follows(old, hook["id"])
    (feed,) = await served.database.read(world.rows, models.Feed, key=old)
    one = f"/operator/feeds/{feed.id}"
    nowhere = await ann.post(f"{one}/move", {"address": "https://nowhere.example.org/"})
    assert (nowhere.status, "nothing at https://nowhere" in nowhere.words) == (422, True)
    assert "Moved." in (await ann.post(f"{one}/move", {"address": new})).words
    moved = await served.database.read(world.row, models.Feed, feed.id)
    assert (moved.key, moved.state, moved.cursor, moved.lease_token) == (new, "active", "{}", None)
    assert (await caller("GET", f"/api/v1/subscriptions/{made['id']}")).body["feed"]["address"] == new
    assert "read from there already" in (await ann.post(f"{one}/move", {"address": new})).words
    entry = await last(served)
    assert (entry.action, old in entry.before, new in entry.after) == ("move feed", True, True)
    back = await served.admin("POST", f"/feeds/{feed.id}/move", {"address": old})
    assert (back.status, back.body["key"]) == (200, old)


async def test_a_feed_does_not_move_onto_another(served: Served, ann: Person) -> None:
    caller = await served.caller()
    hook = await caller.webhook()
    urls = [served.feeds.add(f"https://{name}{caller.account_id}.example.org/feed") for name in ("one", "two")]
    for url in urls:
        await caller.follows(url, hook["id"])
    (feed,) = await served.database.read(world.rows, models.Feed, key=urls[0])
    shown = await ann.post(f"/operator/feeds/{feed.id}/move", {"address": urls[1]})
    assert "is read from there already" in shown.words
    await caller.subscribed()
    (x,) = await served.database.read(world.rows, models.Feed, key="44196397")
    assert (await served.admin("POST", f"/feeds/{x.id}/move", {"address": urls[0]})).status == 409


def _feed(work: Work, /, number: int, **fields: object) -> int:
    return world.add_feed(work, number, due_at=work.now + world.HOUR, **fields)


# Channels


async def test_a_channel_is_paused_and_resumed(served: Served, ann: Person) -> None:
    assert "paused by you" in (await ann.post("/operator/channels/pause", {"channel": "whatsapp"})).words
    assert (await ann.post("/operator/channels/pause", {"channel": "whatsapp"})).status == 422
    assert "Changed." in (await ann.post("/operator/channels/resume", {"channel": "whatsapp"})).words
    assert (await ann.post("/operator/channels/resume", {"channel": "whatsapp"})).status == 422
    assert (await ann.post("/operator/channels/pause", {"channel": "webhook"})).status == 422
    assert (await ann.post("/operator/channels/pause", {"channel": "none"})).status == 404


async def test_a_suspended_channel_says_why(served: Served, ann: Person) -> None:
    await served.database.write(
        providers.suspend, "whatsapp", HOSTILE, operator_destination=None, schedules=world.SCHEDULES
    )
    shown = await ann.get("/operator/channels")
    assert "a person must act" in shown.words
    assert "<script>alert" not in shown.text
    await ann.post("/operator/channels/resume", {"channel": "whatsapp"})


# The audit log


async def test_the_audit_log_is_filtered_and_paged(served: Served, ann: Person) -> None:
    caller = await served.caller()
    one = f"/operator/accounts/{caller.account_id}"
    for plan in ("free", "business") * 26:
        await ann.post(f"{one}/plan", {"plan": plan})
    query = f"?actor={ann.account_id}&action=plan&target=account%20{caller.account_id}"
    page = await ann.get(f"/operator/audit{query}")
    assert page.text.count("change plan</td>") == 50
    (older,) = re.findall(r'href="(\?[^"]*before=\d+)"', page.text)
    assert (await ann.get(f"/operator/audit{older.replace('&amp;', '&')}")).text.count("change plan</td>") == 2
    assert "No entry fits" in (await ann.get("/operator/audit?actor=999999")).words
    listed = (await served.admin("GET", f"/audit{query}&limit=2")).body
    assert {one["target"] for one in listed["entries"]} == {f"account {caller.account_id}"}
    for wrong in ("?before=x", "?before=-1", f"?actor={'9' * 30}", "?target=%00"):
        assert (await ann.get(f"/operator/audit{wrong}")).status == 200


async def test_what_was_typed_is_text_in_the_audit_log(served: Served, ann: Person) -> None:
    caller = await served.caller()
    await ann.post(f"/operator/accounts/{caller.account_id}/disable", {"reason": HOSTILE})
    page = await ann.get(f"/operator/audit?action={quote(HOSTILE)}")
    assert "<script>alert" not in page.text
    page = await ann.get(f"/operator/audit?target=account%20{caller.account_id}")
    assert "<script>alert" not in page.text
    assert "alert(1)" in page.words


# Announcements


async def test_everybody_reads_an_announcement_while_it_holds(served: Served, ann: Person) -> None:
    async with await signed_in(served) as bob:
        done = await ann.post("/operator/announcements", {"text": f"Ponds {HOSTILE}", "level": "critical"})
        assert "Everybody sees it" in done.words
        shown = await bob.get("/account")
        assert "Ponds <script>alert(1)" in shown.words
        assert "<script>alert" not in shown.text
        (row,) = [one for one in await served.database.read(world.rows, Announcement) if one.text.startswith("Ponds")]
        assert (row.level, row.made_by) == ("critical", ann.account_id)
        assert "Withdrawn." in (await ann.post(f"/operator/announcements/{row.id}/withdraw")).words
        assert "Ponds" not in (await bob.get("/account")).words
        assert (await ann.post(f"/operator/announcements/{row.id}/withdraw")).status == 404


async def test_an_announcement_keeps_its_times(served: Served, ann: Person) -> None:
    now = served.clock.now
    begins, ends = (f"{now + hours:%Y-%m-%dT%H:%M}" for hours in (world.HOUR, 3 * world.HOUR))
    form = {"text": "Frogs at noon", "level": "info", "begins_at": begins, "ends_at": ends}
    await ann.post("/operator/announcements", form)
    assert "Frogs at noon" in (await ann.get("/operator/announcements")).words  # in the list
    assert "Frogs at noon" not in (await ann.get("/account")).words
    served.clock.advance(hours=1, minutes=1)
    assert "Frogs at noon" in (await ann.get("/account")).words
    served.clock.advance(minutes=110)
    await ann.get("/account")
    served.clock.advance(minutes=15)
    async with await signed_in(served) as bob:
        assert "Frogs at noon" not in (await bob.get("/account")).words


@pytest.mark.parametrize(
    "form",
    [
        {"text": ""},
        {"text": "x" * 501},
        {"text": "x", "level": "loud"},
        {"text": "x", "begins_at": "soon"},
        {"text": "x", "ends_at": "2020-01-01T00:00"},
        {"text": "x", "ends_at": "9000-01-01T00:00"},
    ],
)
async def test_what_cannot_be_announced_is_said(served: Served, ann: Person, form: dict[str, str]) -> None:
    shown = await ann.post("/operator/announcements", form)
    assert shown.status == 422
    assert 'role="alert"' in shown.text


# Backup and doctor


async def test_a_backup_is_a_sound_copy(served: Served, ann: Person, tmp_path: Path) -> None:
    if served.database.engine == "postgresql":
        assert "pg_dump" in (await ann.get("/operator/backup")).words
        assert (await ann.post("/operator/backup")).status == 422
        assert (await served.admin("GET", "/backup")).status == 409
        return
    for path, headers in (("/console/operator/backup", None), ("/admin/v1/backup", {"Accept": "*/*"})):
        file = tmp_path / "copy.db"
        file.write_bytes(await _downloaded(served, ann, path, headers))
        with sqlite3.connect(file) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert copy.execute("SELECT count(*) FROM accounts").fetchone()[0] > 1
    entry = await last(served)
    assert (entry.action, entry.actor) == ("download backup", "admin token")
    assert served.database.file
    assert not list(served.database.file.parent.glob(".backup-*"))


async def test_a_full_disk_and_what_a_dead_process_left(
    served: Served, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    if served.database.file is None:
        return
    left = served.database.file.parent / ".backup-dead"
    left.mkdir()
    usage = namedtuple("usage", "free")
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: usage(2**20))
        full = await ann.post("/operator/backup")
        assert (full.status, "Is there room on the disk?" in full.words) == (422, True)
        assert (await served.admin("GET", "/backup")).status == 503
    assert not left.exists()


async def _downloaded(served: Served, ann: Person, path: str, headers: Any) -> bytes:
    if headers is None:
        async with ann._session.post(served.url + path) as response:
            assert response.headers["Content-Type"] == "application/vnd.sqlite3"
            assert "attachment" in response.headers["Content-Disposition"]
            assert response.headers["Cache-Control"] == "no-store"
            return await response.read()
    return bytes((await served.admin("GET", path.removeprefix("/admin/v1"))).body)


async def test_the_doctor_looks_while_the_page_waits(served: Served, ann: Person) -> None:
    assert (await ann.post("/operator/doctor")).url.endswith("/console/operator/doctor")
    await served.admin("GET", "/doctor")  # returns when the look that runs has ended
    shown = await ann.get("/operator/doctor/live")
    assert "EGRESS_ALLOW" in shown.words
    assert "outbox" in shown.words
    report = (await served.admin("GET", "/doctor")).body
    assert {one["what"] for one in report["findings"]} >= {"Python", "settings", "channels", "outbox"}
    assert isinstance(report["sound"], bool)

"""Destinations on pages: adding each kind, verifying both ways, what is done with one, and whose they are."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from adapters.base import Finding, Prepared
from bot.usecases import accounts, destinations, links
from bot.web.console.channel_set_up import Examinations
from storage import conversations, models
from storage.chat_models import Conversation
from storage.database import Database, Work
from tests import world
from tests.bot.web.gateway import VAULT, PlainPhones, Served, serving
from tests.bot.web.people import Person, Shown, signed_in
from tests.clock import MovableClock

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


@pytest_asyncio.fixture(loop_scope="module")
async def ann(served: Served) -> AsyncIterator[Person]:
    async with await signed_in(served) as person:
        yield person


async def webhook(ann: Person, path: str = "hook", name: str = "") -> str:
    """A new one's path below /console."""
    form = {"channel": "webhook", "address": f"https://{path}.example.org/{ann.account_id}", "name": name}
    added = await ann.post("/destinations/new", form)
    assert added.status == 200, added.words
    return here(added)


def here(shown: Shown) -> str:
    """The destination that a page leads to."""
    found = re.search(r"/console(/destinations/[0-9a-f]{8}-[0-9a-f-]{27})", shown.url + shown.text)
    assert found, shown.words
    return found[1]


def number(ann: Person, n: int = 1) -> str:
    return f"+3461{ann.account_id:04d}{n:03d}"


async def unverified(ann: Person, n: int = 1) -> str:
    shown = await ann.post("/destinations/new", {"channel": "whatsapp", "address": number(ann, n), "name": "Mum"})
    assert "A code is on its way." in shown.words
    return here(shown)


def added(work: Work, account_id: int, channel: str, address: str) -> models.Destination:
    """A verified one, without the way there."""
    lane = "webhook" if channel == "webhook" else "chat"
    values: Any = {"account_id": account_id, "channel": channel, "lane": lane, "address": address}
    return destinations.add(work, VAULT, **values, secret=None, verified=True)


async def destination(served: Served, path: str) -> Any:
    uid = path.rpartition("/")[2]

    def look(work: Work) -> Any:
        return next(row for row in world.rows(work, models.Destination) if str(row.uid) == uid)

    return await served.database.read(look)


async def test_an_empty_list_says_what_to_do(ann: Person) -> None:
    shown = await ann.get("/destinations")
    assert "No destinations yet" in shown.words
    assert "/console/destinations/new" in shown.text
    choice = await ann.get("/destinations/new")
    for name in ("WhatsApp", "Feishu / Lark", "Webhook"):
        assert name in choice.words


async def test_a_webhooks_secret_is_shown_once(served: Served, ann: Person) -> None:
    address = f"https://once.example.org/{ann.account_id}?token=hidden"
    added = await ann.post("/destinations/new", {"channel": "webhook", "address": address, "name": "Mine"})
    (secret,) = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", added.words))
    path = here(added)
    shown = await ann.get(path)
    assert "Mine" in shown.words
    assert secret not in shown.text
    assert "token=hidden" not in shown.text
    assert "once.example.org" in shown.words
    rotated = await ann.post(f"{path}/rotate")
    (new,) = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", rotated.words))
    assert new != secret
    assert "Until" in rotated.words
    again = await ann.post("/destinations/new", {"channel": "webhook", "address": address})
    assert (again.status, "You have this destination already." in again.words) == (422, True)


@pytest.mark.parametrize(
    ("channel", "address", "says"),
    [
        ("webhook", "javascript:alert(1)", "Nothing can be sent"),
        ("webhook", HOSTILE, "Nothing can be sent"),
        ("whatsapp", "12", "no phone number"),
        ("feishu", "ftp://open.feishu.cn/hook", "not the address of a custom bot"),
    ],
)
async def test_what_is_no_address_is_explained(ann: Person, channel: str, address: str, says: str) -> None:
    shown = await ann.post("/destinations/new", {"channel": channel, "address": address})
    assert (shown.status, says in shown.words) == (422, True)
    assert "<script>alert" not in shown.text


@pytest.mark.parametrize("channel", ["nothing", "simulator", "../etc", ""])
async def test_there_is_no_such_channel(ann: Person, channel: str) -> None:
    assert (await ann.post("/destinations/new", {"channel": channel, "address": "x"})).status == 404


async def test_a_custom_bot_is_tested_at_once_and_its_address_hidden(served: Served, ann: Person) -> None:
    token = f"secret-token-{ann.account_id}"
    address = f"https://open.feishu.cn/open-apis/bot/v2/hook/{token}"
    form = {"channel": "feishu", "address": address, "secret": "sign-with-this", "name": "Team"}
    shown = await ann.post("/destinations/new", form)
    assert "A test message is on its way" in shown.words
    assert "Test message" in shown.words
    for page in (shown, await ann.get("/destinations")):
        assert token not in page.text
        assert "sign-with-this" not in page.text
    assert (await destination(served, here(shown))).secrets is not None
    assert (await ann.post(f"{here(shown)}/rotate")).status == 404  # it is the platform's, not ours to make


async def test_a_number_is_verified_by_the_code_that_was_sent_there(served: Served, ann: Person) -> None:
    path = await unverified(ann)
    code = await served.code(ann.account_id, number(ann))
    wrong = await ann.post(f"{path}/verify", {"code": "000000" if code != "000000" else "111111"})
    assert (wrong.status, "This is not the code." in wrong.words) == (422, True)
    assert "This destination is disabled" not in wrong.words
    soon = await ann.post(f"{path}/code")
    assert (soon.status, "Too many codes" in soon.words) == (422, True)
    right = await ann.post(f"{path}/verify", {"code": f"{code[:3]} {code[3:]}"})
    assert "Verified: posts can be sent there now." in right.words
    assert code not in right.text
    assert (await destination(served, path)).verified_at is not None


async def test_a_test_needs_a_verified_destination(ann: Person) -> None:
    path = await unverified(ann)
    assert "verify it first" in (await ann.post(f"{path}/test")).words


async def test_the_other_way_round_the_person_writes_six_digits(served: Served, ann: Person) -> None:
    path = await unverified(ann)
    shown = await ann.post(f"{path}/proof")
    (digits,) = set(re.findall(r"text=(\d{6})", shown.text))
    assert f"https://wa.me/15550001111?text={digits}" in shown.text
    assert 'src="data:image/svg+xml' in shown.text
    assert "style=" not in shown.text
    waiting = await ann.get(f"{path}/verified")
    assert "Waiting for the code" in waiting.words


async def test_a_person_links_a_chat_by_a_code_that_a_page_shows(served: Served, ann: Person) -> None:
    shown = await ann.post("/destinations/new/link", {"channel": "whatsapp"})
    (code,) = set(re.findall(r"text=link%20([0-9A-Z]{4}-[0-9A-Z]{4})", shown.text))
    (live,) = re.findall(r'sse-connect="/console([^"]+)"', shown.text)
    assert "Waiting" in (await ann.get(live)).words
    phone = number(ann, 7)

    def joins(work: Work) -> str:
        other = accounts.add(work, f"other{ann.account_id}@example.org", plan="unlimited").id
        chat = Conversation(channel="whatsapp", address=phone, account_id=other, created_at=work.now)
        where = conversations.add(work.session, chat).id
        added(work, other, "whatsapp", phone).conversation_id = where
        return links.join(
            work, served.terms, conversation_id=where, channel="whatsapp", person=phone, text=code
        ).outcome

    assert await served.database.write(joins) == "joined"
    used = await ann.get(live)
    assert "Verified: posts can be sent there now." in used.words
    assert phone in (await ann.get(here(used))).words
    async with await signed_in(served) as bob:
        assert (await bob.get(live)).status == 404


async def test_a_code_runs_out(served: Served, ann: Person) -> None:
    shown = await ann.post("/destinations/new/link", {"channel": "whatsapp"})
    (live,) = re.findall(r'sse-connect="/console([^"]+)"', shown.text)
    served.clock.advance(minutes=16)
    assert "This code is over." in (await ann.get(live)).words


async def test_channels_that_are_not_set_up_say_so(
    served: Served, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(served.phones), "is_set_up", False)
    assert "Not set up on this server" in (await ann.get("/destinations/new")).words
    assert "Ask whoever runs this server" in (await ann.get("/destinations/new?channel=whatsapp")).words
    assert (await ann.post("/destinations/new/link", {"channel": "whatsapp"})).status == 404


async def test_a_test_message_and_what_became_of_it(served: Served, ann: Person) -> None:
    path = await webhook(ann)
    assert "Nothing has been sent there yet." in (await ann.get(path)).words
    tested = await ann.post(f"{path}/test")
    assert "A test message is on its way" in tested.words
    row = await destination(served, path)

    def fails(work: Work) -> None:
        (delivery,) = world.rows(work, models.Delivery, destination_id=row.id)
        at = work.now
        work.session.add(
            models.Attempt(
                delivery_id=delivery.id,
                n=1,
                started_at=at,
                ended_at=at,
                outcome="permanent",
                code="http_404",
                status=404,
                response=HOSTILE,
            )
        )
        table = models.Delivery.__table__
        values = {"state": "failed", "error_code": "http_404", "error": HOSTILE, "attempts": 1, "failed_at": at}
        work.session.execute(table.update().where(table.c.id == delivery.id).values(**values))

    await served.database.write(fails)
    for shown in (await ann.get(path), await ann.get(f"{path}/live")):
        assert "Failed" in shown.words
        assert "Nothing listens at this path" in shown.words
        assert "HTTP 404" in shown.words
        assert "<script>alert" not in shown.text
        assert "<img src=x" not in shown.text


async def test_a_destination_is_tested_a_few_times_a_minute(served: Served, ann: Person) -> None:
    path = await webhook(ann)
    for _ in range(5):
        assert "on its way" in (await ann.post(f"{path}/test")).words
    assert "tested often" in (await ann.post(f"{path}/test")).words
    served.clock.advance(minutes=1)
    assert "on its way" in (await ann.post(f"{path}/test")).words


async def test_names_are_text(ann: Person) -> None:
    path = await webhook(ann, name=HOSTILE)
    for shown in (await ann.get("/destinations"), await ann.get(path)):
        assert "<script>alert" not in shown.text
        assert "alert(1)" in shown.words or "alert(1)" in shown.text
    renamed = await ann.post(f"{path}/rename", {"name": "The\nharbour  bell"})
    assert "It has its new name." in renamed.words
    assert "The harbour bell" in (await ann.get("/destinations")).words


async def test_a_disabled_one_says_why_and_is_enabled(served: Served, ann: Person) -> None:
    path = await webhook(ann)
    row = await destination(served, path)

    def disables(work: Work) -> None:
        table = models.Destination.__table__
        values = {"disabled_at": work.now, "disabled_reason": f"it was gone {HOSTILE}"}
        work.session.execute(table.update().where(table.c.id == row.id).values(**values))

    await served.database.write(disables)
    shown = await ann.get(path)
    assert "it was gone" in shown.words
    assert "<script>alert" not in shown.text
    assert "Disabled" in (await ann.get("/destinations")).words
    assert "enable it first" in (await ann.post(f"{path}/test")).words
    assert "slowly at first" in (await ann.post(f"{path}/enable")).words
    assert "Works" in (await ann.get("/destinations")).words


async def test_a_removal_is_taken_back_with_subscriptions_and_secret(served: Served, ann: Person) -> None:
    caller = await served.another_key(ann.account_id)
    path = await webhook(ann, name="Bell")
    url = served.feeds.add(f"https://feeds.example.org/{ann.account_id}", title="Harbour news")
    await caller.follows(url, path.rpartition("/")[2])
    sealed = (await destination(served, path)).secrets
    assert "Harbour news" in (await ann.get(path)).words
    gone = await ann.post(f"{path}/remove")
    assert "The destination is removed" in gone.words
    assert (await ann.get(path)).status == 404
    (undo,) = re.findall(r'name="undo" value="([^"]+)"', gone.text)
    async with await signed_in(served) as bob:
        assert (await bob.post("/destinations/undo", {"undo": undo})).status == 409
    back = await ann.post("/destinations/undo", {"undo": undo})
    assert "The destination is back" in back.words
    assert "Harbour news" in back.words
    assert "Bell" in back.words
    row = await destination(served, path)
    assert (row.secrets, row.removed_at, row.verified_at is not None) == (sealed, None, True)
    assert (await ann.post("/destinations/undo", {"undo": undo})).status == 409


async def test_an_undo_ends_after_ten_minutes_and_is_nobody_elses_word(served: Served, ann: Person) -> None:
    gone = await ann.post(f"{await webhook(ann)}/remove")
    (undo,) = re.findall(r'name="undo" value="([^"]+)"', gone.text)
    served.clock.advance(minutes=11)
    for one in (undo, "", "x", "ÿ" * 10, "A" * 7000):
        assert (await ann.post("/destinations/undo", {"undo": one})).status == 409


ACTIONS = ("rename", "enable", "test", "rotate", "remove", "code", "proof", "verify")


async def test_another_account_sees_nothing_and_does_nothing(served: Served, ann: Person) -> None:
    path = await webhook(ann, name="Only mine")
    async with await signed_in(served) as bob:
        missing = await bob.get("/destinations/00000000-0000-7000-8000-000000000000")
        for one in (path, f"{path}/live", f"{path}/verified"):
            shown = await bob.get(one)
            assert (shown.status, shown.words) == (404, missing.words)
        for action in ACTIONS:
            assert (await bob.post(f"{path}/{action}", {"name": "x", "code": "123456"})).status == 404
        assert "Only mine" not in (await bob.get("/destinations")).words
    assert "Only mine" in (await ann.get(path)).words


@pytest.mark.parametrize("id_", ["1", "x", "%00", "' or 1=1", "../account"])
async def test_what_is_no_id_is_not_there(ann: Person, id_: str) -> None:
    assert (await ann.get(f"/destinations/{id_.replace(' ', '%20')}")).status == 404


async def test_a_list_goes_on(served: Served, ann: Person) -> None:
    def adds(work: Work) -> None:
        for n in range(52):
            added(work, ann.account_id, "webhook", f"https://h.example/{ann.account_id}/{n}")

    await served.database.write(adds)
    first = await ann.get("/destinations")
    assert first.text.count("<td data-label") == 50 * 3
    (more,) = re.findall(r"/console(/destinations\?before=\d+)", first.text)
    assert (await ann.get(more)).text.count("<td data-label") == 2 * 3
    assert (await ann.get("/destinations?before=x")).status == 200


async def test_only_operators_see_how_channels_are_set_up(served: Served, ann: Person) -> None:
    assert (await ann.get("/channels/set-up")).status == 403
    assert (await ann.get("/channels/set-up/checks?channel=whatsapp")).status == 403
    async with await signed_in(served, operator=True) as eve:
        assert "Channel set-up" in (await eve.get("/channels/set-up")).words
        assert (await eve.get("/channels/set-up/checks?channel=nothing")).status == 404


PREPARED = Prepared(("WHATSAPP_TOKEN",), True, "only-operators-paste-this", "WHATSAPP_VERIFY_TOKEN")


async def test_an_operator_is_told_what_to_enter_and_what_is_missing(
    served: Served, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(served.phones), "prepared", PREPARED, raising=False)
    monkeypatch.setattr(type(served.phones), "is_set_up", False)
    assert "WHATSAPP_TOKEN" in (await ann.get("/destinations/new")).words
    assert PREPARED.token not in (await ann.get("/destinations/new?channel=whatsapp")).text
    async with await signed_in(served, operator=True) as eve:
        shown = await eve.get("/channels/set-up")
        assert "Set WORKER_PUBLIC_BASE_URL" in shown.words
        assert "WHATSAPP_TOKEN" in shown.words
        assert PREPARED.token in shown.text
        assert "Set it up" in (await eve.get("/destinations/new")).words


@pytest.mark.asyncio(loop_scope="function")
async def test_the_address_to_paste(database: Database, clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PlainPhones, "prepared", PREPARED, raising=False)
    async with (
        serving(database, clock, worker_public_base_url="http://bell.example.org") as served,
        await signed_in(served, operator=True) as eve,
    ):
        assert "http://bell.example.org/webhooks/whatsapp" in (await eve.get("/channels/set-up")).words


class Asked:
    """A channel whose platform is asked."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.times, self._fails = 0, fails

    async def examine(self, callback_url: str) -> list[Finding]:
        self.times += 1
        if self._fails:
            raise self._fails
        return [Finding(True, f"asked {self.times} times")]


@pytest.mark.asyncio(loop_scope="function")
async def test_platforms_are_asked_every_ten_seconds_however_many_look() -> None:
    now, way = 100.0, Asked()
    looks = Examinations({"talk": way}, lambda: now)  # type: ignore[dict-item]
    assert looks.look("talk", "") is None
    await asyncio.sleep(0)
    for _ in range(5):
        found = looks.look("talk", "")
        await asyncio.sleep(0)
    found = looks.look("talk", "")
    assert found
    assert (way.times, found[0].what) == (1, "asked 1 times")
    now += 10
    looks.look("talk", "")
    await asyncio.sleep(0)
    assert way.times == 2


@pytest.mark.asyncio(loop_scope="function")
async def test_a_channel_that_breaks_its_promise_breaks_no_page() -> None:
    looks = Examinations({"talk": Asked(RuntimeError("secret"))}, lambda: 100.0)  # type: ignore[dict-item]
    looks.look("talk", "")
    await asyncio.sleep(0)
    found = looks.look("talk", "")
    assert found
    assert (found[0].ok, "secret" in found[0].what) == (False, False)

"""One person on both platforms: codes asked for here and typed there, numbers proved, chats joined to one account."""

import re

import pytest

from storage.chat_models import Conversation
from storage.models import Delivery, Destination
from tests.conversations.town import Town
from tests.fakes.feishu import Chat, Person

PHONE = "+34600123456"


@pytest.fixture
def ann(town: Town) -> Person:
    town.whatsapp.person(PHONE)
    return town.feishu.person("Ann")


@pytest.fixture
def chat(town: Town, ann: Person) -> Chat:
    return town.feishu.private(ann)


async def on_feishu(town: Town, chat: Chat, ann: Person, text: str) -> str:
    """The answer."""
    await town.feishu.say(chat, ann, text)
    await town.quiet()
    return town.feishu.shown(chat)[-1].text


async def on_whatsapp(town: Town, text: str) -> str:
    await town.whatsapp.say(PHONE, text)
    await town.quiet()
    return town.whatsapp.screen(PHONE)[-1].text


async def verified(town: Town) -> bool:
    """Whether the number is a destination of the Feishu chat's account."""
    [account] = {row.account_id for row in await town.rows(Conversation, channel="feishu")}
    rows = await town.rows(Destination, channel="whatsapp", address=PHONE, account_id=account)
    return any(row.verified_at for row in rows)


async def asked(town: Town, chat: Chat, ann: Person) -> str:
    """The digits that reach the phone."""
    assert "on its way" in await on_feishu(town, chat, ann, "phone +34 600 12 34 56")
    [code] = town.whatsapp.screen(PHONE)
    assert code.template == "code"
    assert not await verified(town)
    return code.parameters[0]


async def test_a_code_is_typed_where_it_was_asked_for(town: Town, chat: Chat, ann: Person) -> None:
    digits = await asked(town, chat, ann)
    assert await on_feishu(town, chat, ann, digits) == f"Thank you, {PHONE} is verified."
    assert await verified(town)
    assert digits not in {row.text for row in await town.rows(Delivery, event="code")}


async def test_a_code_is_answered_where_it_arrived(town: Town, chat: Chat, ann: Person) -> None:
    digits = await asked(town, chat, ann)
    assert await on_whatsapp(town, f"{digits[:3]} {digits[3:]}") == f"Thank you, {PHONE} is verified."
    assert await verified(town)


async def test_a_number_is_proved_by_a_message_from_it(town: Town, chat: Chat, ann: Person) -> None:
    shown = await on_feishu(town, chat, ann, f"verify {PHONE}")
    link = re.search(r"https://wa\.me/15550100\?text=(\d{6})", shown)
    assert link, shown
    assert await on_whatsapp(town, link[1]) == f"Thank you, {PHONE} is verified."
    assert await verified(town)


async def test_two_chats_share_an_account_after_a_link(town: Town, chat: Chat, ann: Person) -> None:
    feed = town.publisher.feed("/harbour.xml", title="Harbour news", posts=1)
    await on_feishu(town, chat, ann, "list")
    assert "You follow" in await on_whatsapp(town, f"subscribe {feed.url}")
    code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", await on_feishu(town, chat, ann, "link"))
    assert code
    assert "this chat uses account 1 now" in await on_whatsapp(town, f"link {code[0]}")
    assert {row.account_id for row in await town.rows(Conversation)} == {1}
    feed.publish("High tide")
    await town.poll(feed.url)
    assert "High tide" in town.whatsapp.screen(PHONE)[-1].text
    assert "1 subscription in all chats" in await on_feishu(town, chat, ann, "quota")

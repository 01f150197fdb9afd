"""Whoever belongs to an account that an operator has disabled is told so, politely, and nothing else happens."""

from typing import Any

import pytest

from adapters.base import Found
from bot.errors import Conflict
from bot.usecases import subscriptions
from bot.usecases.administration import accounts
from bot.usecases.audit import COMMAND_LINE
from storage import models
from storage.chat_models import Conversation
from storage.database import Database
from tests import chats
from tests.chats import happens, says
from tests.world import INTERVAL, POLICY, add_destinations, item, page, rows


@pytest.mark.parametrize(("language", "text"), [("en", "has closed this account"), ("zh_CN", "停用这个账号")])
def test_a_disabled_account_is_told_so_in_its_own_language(database: Database, language: str, text: str) -> None:
    database.run(happens, says("help", language=language))
    account = database.look(chats.conversation).account_id
    database.run(accounts.disable, COMMAND_LINE, account, "unpaid")
    queued = len(database.look(rows, models.Delivery))
    taken = database.run(happens, says("list", language=language))
    assert taken.reply
    assert text in taken.reply.text
    assert "unpaid" not in taken.reply.text
    assert taken.uid is None  # said at once, not queued: nothing is delivered for it
    assert len(database.look(rows, models.Delivery)) == queued
    database.run(accounts.enable, COMMAND_LINE, account)
    assert text not in str(database.run(happens, says("list", language=language)).reply)


def test_groups_hear_it_only_when_the_bot_is_spoken_to(database: Database) -> None:
    database.run(happens, says("help", chat="group", direct=False))
    (group,) = database.look(rows, Conversation)
    database.run(accounts.disable, COMMAND_LINE, group.account_id, "")
    assert database.run(happens, says("hello all", chat="group", direct=False, addressed=False)).reply is None
    assert database.run(happens, says("help", chat="group", direct=False)).reply


def test_who_was_deleted_is_a_new_person_when_they_write_again(database: Database) -> None:
    database.run(happens, says("help"))
    account = database.look(chats.conversation).account_id
    database.run(accounts.delete, COMMAND_LINE, account)
    while database.run(accounts.erase):
        pass
    assert database.look(chats.identities) == {}
    database.run(happens, says("help"))
    assert database.look(chats.conversation).account_id != account


def test_nobody_can_subscribe_for_it(database: Database) -> None:
    (where,) = database.run(add_destinations, 1)
    database.run(accounts.disable, COMMAND_LINE, 1, "")
    found = Found("https://1.example.org/feed", page(item(1)))
    wish: dict[str, Any] = {
        "account_id": 1,
        "destination_id": where,
        "source": "feed",
        "found": found,
        "host": "",
        "latest": False,
    }
    with pytest.raises(Conflict, match="disabled"):
        database.run(subscriptions.subscribe, **wish, policy=POLICY, default_interval=INTERVAL)
    with pytest.raises(Conflict, match="disabled"):
        database.run(subscriptions.subscribe_unread, 1, where, "feed", {"https://1.example.org/feed": ("", "")})
    assert database.look(rows, models.Feed) == []

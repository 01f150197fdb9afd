"""Deleting an account: no table keeps a row of it, but for those that others refer to, and these are empty."""

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from bot.usecases import audit, codes, keys, push_feeds, simulator
from bot.usecases.administration import accounts
from bot.usecases.audit import COMMAND_LINE
from storage import models
from storage.chat_models import Code, Conversation, Identity
from storage.console_models import ConsoleSession, Invitation, Password
from storage.database import Database, Work
from storage.native_models import Idempotency
from storage.official_models import OfficialAccount
from tests import world
from tests.bot.usecases.chatting import TERMS
from tests.clock import START
from tests.world import INTERVAL, POLICY, item, row, rows

KEPT = {"destinations", "audit"}  # the one for what refers to it, the other for operators
OF_ACCOUNTS = [table for table in SQLModel.metadata.tables.values() if "account_id" in table.columns]


def number(account: int) -> str:
    return f"+3460000000{account}"


def populate(work: Work, account: int) -> None:
    """A row in every table that names an account."""
    (where,) = world.add_destinations(work, 1, first=account * 10, account=account)
    world.add_feed(work, account * 10)
    world.subscribe(work, account * 10, [where], account=account)
    world.queue(work, where, account=account)
    keys.create(work, None, account_id=account, name="CI")
    codes.ask(work, TERMS, account_id=account, channel="whatsapp", address=number(account))
    chat = Conversation(channel="whatsapp", address=number(account), account_id=account, created_at=work.now)
    who = Identity(channel="whatsapp", person=number(account), account_id=account, created_at=work.now)
    used = Idempotency(account_id=account, operation="POST /x", key="k", digest=b"", created_at=work.now)
    work.session.add_all([chat, who, used])
    work.session.flush()
    sign_in(work, account)
    talk_in_the_simulator(work, account)


def sign_in(work: Work, account: int) -> None:
    now, digest = work.now, bytes([account]) * 32
    work.session.add_all(
        [
            Password(account_id=account, hash="h", changed_at=now),
            ConsoleSession(account_id=account, digest=digest, created_at=now, seen_at=now),
            Invitation(account_id=account, digest=digest, created_at=now, expires_at=now),
        ]
    )
    work.session.flush()


def talk_in_the_simulator(work: Work, account: int) -> None:
    simulator.person(work, account)
    wrote = simulator.Outgoing(platform="feishu", address="", request="{}", looks="{}")
    simulator.write_down(work, account, f"om_{account}", wrote)


def push(work: Work, account: int) -> int:
    """A feed that the account pushes into, with a post in two versions."""
    made = push_feeds.make(work, account, "Builds")
    door = push_feeds.find(work, made.token)
    assert door
    for text in ("First", "Second"):
        push_feeds.receive(work, door, [item(f"build {account}", content=text)], POLICY, INTERVAL)
    return made.feed.id


def left(work: Work, account: int) -> set[str]:
    found = set()
    for table in OF_ACCOUNTS:
        if work.session.execute(table.select().where(table.c.account_id == account)).first():
            found.add(table.name)
    return found


def erase(database: Database, account: int) -> None:
    database.run(accounts.delete, COMMAND_LINE, account)
    while database.run(accounts.erase):
        pass


@pytest.fixture
def populated(database: Database) -> Database:
    for account in (1, 2):
        database.run(populate, account)
    return database


def test_no_table_keeps_a_row_of_a_deleted_account(populated: Database) -> None:
    for account in (1, 2):
        populated.run(push, account)
        populated.run(audited, account)
    everywhere = {table.name for table in OF_ACCOUNTS}
    assert populated.look(left, 1) == everywhere, "populate() lacks a table"
    erase(populated, 1)
    assert populated.look(left, 1) == KEPT
    assert populated.look(left, 2) == everywhere
    for gone in populated.look(rows, models.Destination, account_id=1):
        assert (gone.address, gone.name, gone.secrets) == (f"deleted {gone.id}", "", None)
    account = populated.look(row, models.Account, 1)
    assert (account.email, account.name) == (None, "")


def audited(work: Work, account: int) -> None:
    audit.note(work, audit.Actor("operator", account), "look", "account 1")


def test_codes_of_a_deleted_account_count_for_the_caps_and_are_good_for_nothing(populated: Database) -> None:
    erase(populated, 1)
    gone, other = populated.look(rows, Code)
    assert (gone.account_id, gone.destination_id, gone.void_at) == (None, None, START)
    assert (other.account_id, other.void_at) == (2, None)
    assert gone.address == number(1)


def test_what_a_deleted_account_pushed_is_emptied(populated: Database) -> None:
    feed, others = populated.run(push, 1), populated.run(push, 2)
    erase(populated, 1)
    (post,) = populated.look(rows, models.Post, feed_id=feed)
    assert (post.title, post.content, post.url) == ("", "", "")
    assert post.withdrawn_at
    found = populated.look(row, models.Feed, feed)
    assert (found.title, found.state) == ("", "gone")
    assert populated.look(versions) == {others}
    (kept,) = populated.look(rows, models.Post, feed_id=others)
    assert kept.content == "Second"


def versions(work: Work) -> set[int]:
    table = models.PostVersion.__table__
    posts = models.Post.__table__
    return set(work.session.execute(select(posts.c.feed_id).join(table, table.c.post_id == posts.c.id)).scalars())


@pytest.mark.parametrize("by", ["a subscription", "an official account"])
def test_what_others_still_read_keeps_its_posts(populated: Database, by: str) -> None:
    feed = populated.run(push, 1)

    def want(work: Work) -> None:
        if by == "a subscription":
            world.subscribe(work, feed, [20], account=2)
        else:
            work.session.add(OfficialAccount(feed_id=feed, name="@TOA#_builds", created_at=work.now))

    populated.run(want)
    erase(populated, 1)
    (post,) = populated.look(rows, models.Post, feed_id=feed)
    assert post.content == "Second"
    assert populated.look(row, models.Feed, feed).title == "Builds"


def test_nothing_can_be_pushed_for_a_disabled_account(populated: Database) -> None:
    made = populated.run(push_feeds.make, 1, "Builds")
    populated.run(accounts.disable, COMMAND_LINE, 1, "unpaid")
    assert populated.look(push_feeds.find, made.token) is None
    populated.run(accounts.enable, COMMAND_LINE, 1)
    assert populated.look(push_feeds.find, made.token)

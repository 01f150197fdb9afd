"""What an operator changes by commands is in the audit log, in the transaction that changes it."""

from typing import Any

import msgspec

from bot.clock import utc_now
from bot.usecases import audit
from storage.database import Database
from tests import world
from tests.bot.cli.shell import Shell


def noted(stored: Database) -> list[tuple[str, str, dict[str, Any]]]:
    """(action, target, after) of the entries, the first one first."""
    rows = stored.look(audit.page, audit.Sought(), 2**62, 100).rows
    assert {row.actor for row in rows} <= {"command line"}
    return [(row.action, row.target, msgspec.json.decode(row.after)) for row in reversed(rows)]


def test_destinations(shell: Shell, stored: Database) -> None:
    stored.run(world.add_account)
    made = shell("destination", "add", 1, "webhook", "https://example.org/hook/with-a-token", "--json").json()
    shell("destination", "rotate", made["id"])
    shell("destination", "enable", made["id"])
    target = f"destination {made['id']}"
    assert noted(stored) == [
        ("add destination", target, {"account": 1, "channel": "webhook"}),
        ("rotate secret", target, {}),
        ("enable destination", target, {}),
    ]


def test_subscriptions_and_feeds(shell: Shell, stored: Database) -> None:
    stored.run(world.add_destinations, 1)
    stored.run(world.add_feed, 1)
    shell("subscribe", 1, 1, 1)
    shell("unsubscribe", 1)
    shell("official", "add", 1, "--id", "@TOA#_News")
    shell("official", "remove", 1)
    pushed = shell("feed", "push", 1, "Builds", "--json").json()
    assert noted(stored) == [
        ("subscribe", "subscription 1", {"account": 1, "destination": 1, "feed": 1}),
        ("unsubscribe", "subscription 1", {}),
        ("show official account", "@TOA#_News", {"feed": 1}),
        ("hide official account", "@TOA#_News", {}),
        ("make push feed", f"feed {pushed['feed_id']}", {"title": "Builds"}),
    ]


def test_the_outbox(shell: Shell, stored: Database) -> None:
    stored.run(world.add_destinations, 1)
    (first, _) = stored.run(world.queue, 1, 2)
    shell("outbox", "expire", "--before", "0s")
    shell("deliver-again", first)
    shell("outbox", "release")  # was not held: nothing changed
    assert noted(stored) == [
        ("expire deliveries", "deliveries", {"expired": 2}),
        ("send again", f"delivery {first}", {}),
    ]


def test_what_fails_is_not_noted(shell: Shell, stored: Database) -> None:
    shell("unsubscribe", 7, code=1)
    shell("deliver-again", 7, code=1)
    shell("official", "remove", 7, code=1)
    assert noted(stored) == []


def test_a_restore(on_sqlite: Shell, sqlite_url: str, tmp_path: Any) -> None:
    on_sqlite("account", "add", "ann@example.org")
    on_sqlite("backup", tmp_path / "copy.db")
    on_sqlite("restore", tmp_path / "copy.db")
    on_sqlite("outbox", "release")
    stored = Database(f"sqlite:///{tmp_path}/postbell.db", utc_now)
    try:
        entries = [(row.action, row.after) for row in stored.look(audit.page, audit.Sought(), 2**62, 2).rows]
    finally:
        stored.close()
    assert entries == [("release sending", '{"held":false}'), ("restore", '{"copy":"copy.db","held":true}')]

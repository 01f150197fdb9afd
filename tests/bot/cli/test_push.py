"""``postbell feed push``: the address is shown once, and the feed can be subscribed to by its number."""

from pathlib import Path

from storage import models
from storage.chat_models import PushFeed
from storage.database import Database
from tests import world
from tests.bot.cli.shell import Shell


def test_a_feed_is_made_and_its_address_told(shell: Shell, stored: Database, tmp_path: Path) -> None:
    shell("account", "add", "ann@example.org")
    mapping = tmp_path / "mapping.json"
    mapping.write_text('{"title": "labels.name"}\n')
    made = shell("feed", "push", "ann@example.org", "Alerts", "--mapping-file", mapping, "--json").json()
    assert made["title"] == "Alerts"
    address, _, token = made["url"].rpartition("/")
    assert address.endswith("/webhooks/feeds")
    assert len(token) >= 43
    (row,) = stored.run(world.rows, PushFeed)
    assert (row.feed_id, row.mapping) == (made["feed_id"], '{"title": "labels.name"}')
    assert "not shown again" in shell("feed", "push", "1", "More").out


def test_it_is_subscribed_to_by_its_number(shell: Shell, stored: Database) -> None:
    shell("account", "add", "ann@example.org")
    made = shell("feed", "push", "1", "Alerts", "--json").json()
    stored.run(world.add_destinations, 1)
    assert shell("subscribe", 1, made["feed_id"], 1, "--json").json()["feed_id"] == made["feed_id"]
    shell("unsubscribe", 1)
    assert shell("subscribe", 1, made["feed_id"], 1, "--json").json()["new"]
    (feed,) = stored.run(world.rows, models.Feed)
    assert (feed.state, feed.title) == ("active", "Alerts")


def test_what_is_no_mapping_or_title_is_refused(shell: Shell, tmp_path: Path) -> None:
    shell("account", "add", "ann@example.org")
    wrong = tmp_path / "wrong.json"
    wrong.write_text("[]")
    assert "mapping" in shell("feed", "push", "1", "Alerts", "--mapping-file", wrong, code=1).complaint
    assert "title" in shell("feed", "push", "1", " ", code=1).complaint

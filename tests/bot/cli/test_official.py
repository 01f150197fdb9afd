"""``postbell official …``: feeds get ids as official accounts, keep being read, and lose them again."""

import re

from storage import models
from storage.database import Database
from tests import world
from tests.bot.cli.shell import Shell


def test_a_feed_is_shown_under_an_id_that_stays(shell: Shell, stored: Database) -> None:
    stored.run(world.add_feed, 1, title="News")
    name = shell("official", "add", 1).out.splitlines()[-1]
    assert re.fullmatch(r"@TOA#_[A-Z2-7]{9}", name)
    (listed,) = shell("official", "list", "--json").json()
    assert (listed["id"], listed["feed_id"], listed["title"]) == (name, 1, "News")
    assert name in shell("official", "list").out
    shell("official", "remove", name)
    assert "official add" in shell("official", "list").out
    assert shell("official", "add", 1, "--json").json()["id"] == name


def test_an_id_of_ones_own_is_taken_once(shell: Shell, stored: Database) -> None:
    for number in (1, 2):
        stored.run(world.add_feed, number)
    shell("official", "add", 1, "--id", "@TOA#_News")
    assert "is feed 1" in shell("official", "add", 2, "--id", "@TOA#_News", code=1).complaint
    assert "shown already" in shell("official", "add", 1, "--id", "@TOA#_Other", code=1).complaint
    for wrong in ("News", "@TOA#_", "@TOA#_a b", "@TOA#_" + "x" * 101, "@TOA#_é"):
        assert "cannot be" in shell("official", "add", 2, "--id", wrong, code=1).complaint
    shell("official", "remove", 1)
    shell("official", "remove", 1, code=1)
    shell("official", "remove", "@TOA#_News", code=1)


def test_what_its_platform_has_given_an_id_keeps_it(shell: Shell, stored: Database) -> None:
    stored.run(world.add_feed, 1, source="tencent", key="@TOA#_15ERQPAER")
    stored.run(world.add_feed, 2, source="wechat", key="MP_WXS_3073282833")
    stored.run(world.add_feed, 3, source="wechat", key="https://bridge.example.org/feeds/a b")
    names = [shell("official", "add", number).out.splitlines()[-1] for number in (1, 2, 3)]
    assert names[:2] == ["@TOA#_15ERQPAER", "@TOA#_MP_WXS_3073282833"]
    assert re.fullmatch(r"@TOA#_[A-Z2-7]{9}", names[2])


def test_it_is_read_as_long_as_it_is_shown_or_subscribed_to(shell: Shell, stored: Database) -> None:
    def state() -> str:
        return str(stored.run(world.row, models.Feed, 1).state)

    stored.run(world.add_destinations, 1)
    stored.run(world.add_feed, 1)
    stored.run(world.subscribe, 1, [1])
    shell("official", "add", 1)
    shell("unsubscribe", 1)
    assert state() == "active"
    shell("official", "remove", 1)
    assert state() == "paused"
    shell("official", "add", 1)
    assert state() == "active"

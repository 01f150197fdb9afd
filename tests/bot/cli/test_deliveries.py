"""What was sent and what was not, and what an operator does about it."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from adapters.base import Receipt, TryAgain
from bot.cli.deliveries import moment
from bot.clock import utc_now
from bot.usecases import deliveries, destinations
from storage.database import Database, Work
from storage.models import Delivery
from tests.bot.cli.shell import Shell
from tests.world import add_destinations, queue, settle, take

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def outbox(shell: Shell, stored: Database) -> Shell:
    """Destination 1: delivery 1 was sent, 2 failed once and waits.  Destination 2: 3 is ready."""
    stored.run(add_destinations, 2)
    stored.run(queue, 1)
    stored.run(_try_all, Receipt(status=200, response="thank you"))
    stored.run(queue, 1)
    stored.run(_try_all, TryAgain("the receiver answered 500", code="http_500", status=500, response="no\x1b[2J"))
    stored.run(queue, 2)
    return shell


def _try_all(work: Work, result: Receipt | TryAgain) -> None:
    settle(work, take(work).due, result)


def test_deliveries_come_with_attempts_and_reasons(outbox: Shell) -> None:
    listed = {one["id"]: one for one in outbox("deliveries", "--json").json()}
    assert list(listed) == [3, 2, 1]
    assert [one["state"] for one in listed.values()] == ["ready", "waiting", "sent"]
    (attempt,) = listed[2]["attempts"]
    assert (attempt["n"], attempt["outcome"], attempt["code"], attempt["status"]) == (1, "retry", "http_500", 500)
    assert listed[2]["error"] == "the receiver answered 500"
    assert listed[2]["next_at"] > listed[2]["created_at"]
    assert (listed[1]["next_at"], listed[1]["attempts"][0]["response"]) == (None, "thank you")


def test_people_read_what_happened_beside_each(outbox: Shell) -> None:
    shown = outbox("deliveries").out
    for words in ("1: ", "http_500", "the receiver answered 500", "next try in ", "not tried yet", "sent", "ok"):
        assert words in shown
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_they_are_chosen_by_state_and_destination(outbox: Shell) -> None:
    def ids(*options: object) -> list[int]:
        return [one["id"] for one in outbox("deliveries", "--json", *options).json()]

    assert ids("--state", "queued") == [3, 2]
    assert ids("--state", "sent", "--state", "waiting") == [2, 1]
    assert ids("--destination", 2) == [3]
    assert ids("--destination", 1, "--limit", 1) == [2]
    assert "queued, ready, waiting" in outbox("deliveries", "--state", "lost", code=2).complaint


def test_one_is_sent_again_whatever_became_of_it(outbox: Shell) -> None:
    outbox("deliver-again", 1)
    assert [one["id"] for one in outbox("deliveries", "--state", "ready", "--json").json()] == [3, 1]
    assert "no delivery 9" in outbox("deliver-again", 9, code=1).complaint


def test_none_is_sent_again_to_a_disabled_destination(outbox: Shell, stored: Database) -> None:
    stored.run(_disable, 1)
    assert "postbell destination enable 1" in outbox("deliver-again", 1, code=1).complaint


def _disable(work: Work, id_: int) -> None:
    row = destinations.get(work, id_)
    row.disabled_at, row.disabled_reason = work.now, "gone"
    work.session.add(row)


def test_what_was_queued_before_a_time_expires(outbox: Shell, stored: Database) -> None:
    stored.run(_queued_at, 2, utc_now() - timedelta(hours=5))
    assert "1 delivery queued before" in outbox("outbox", "expire", "--before", "2h").out
    failed = outbox("deliveries", "--state", "failed", "--json").json()
    assert [(one["id"], one["error_code"]) for one in failed] == [(2, "expired")]
    assert "0 deliveries" in outbox("outbox", "expire", "--before", "2h").out


def _queued_at(work: Work, id_: int, at: datetime) -> None:
    row = work.session.get(Delivery, id_)
    assert row is not None
    row.created_at = at
    work.session.add(row)


def test_more_than_one_slice_expires(shell: Shell, stored: Database) -> None:
    stored.run(add_destinations, 1)
    stored.run(queue, 1, 2500)
    assert "2,500 deliveries" in shell("outbox", "expire", "--before", "0s").out


def test_sending_is_released_after_a_hold(outbox: Shell, stored: Database) -> None:
    assert "was not held" in outbox("outbox", "release").out
    stored.run(deliveries.hold)
    assert "outbox release" in outbox("deliver-again", 1).out
    assert "sending goes on, with 3 deliveries queued" in outbox("outbox", "release").out
    assert not stored.run(deliveries.is_held)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2h", datetime(2026, 3, 2, 10, 0, tzinfo=UTC)),
        ("90m", datetime(2026, 3, 2, 10, 30, tzinfo=UTC)),
        ("3d", datetime(2026, 2, 27, 12, 0, tzinfo=UTC)),
        ("0s", NOW),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:30", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
        ("2026-03-01T12:30Z", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
        (" 2026-03-01T12:30:15+02:00 ", datetime(2026, 3, 1, 10, 30, 15, tzinfo=UTC)),
    ],
)
def test_times_as_people_write_them(text: str, at: datetime) -> None:
    assert moment(text, NOW) == at


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2h30m", "-2h", "2 h", "٢h", "999999d", "2026-13-01", "0001-01-01T00:00+14:00", "2026-03-03"],
)
def test_times_that_nobody_can_mean(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        moment(text, NOW)

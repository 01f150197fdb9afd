"""Doing things once: the effect and the answer are one transaction, and an answer is kept for a day."""

from datetime import timedelta

import pytest

from bot.errors import Conflict
from bot.rules.vault import Vault
from bot.usecases import idempotency, retention
from bot.usecases.idempotency import Answer, Ticket
from storage import models
from storage.database import Database, Work
from storage.native_models import Idempotency
from tests import world
from tests.clock import MovableClock
from tests.world import DAY

VAULT = Vault(b"k" * 32)
TICKET = Ticket(1, "POST /x", "k", b"digest")


def test_effect_and_answer_are_kept_or_lost_together(database: Database) -> None:
    database.run(world.add_account)

    def fail(work: Work) -> Answer:
        world.add_destinations(work, 1)
        raise Conflict("not now")

    def do(work: Work) -> Answer:
        world.add_destinations(work, 1)
        return Answer(200, b"{}")

    with pytest.raises(Conflict, match="not now"):
        database.run(idempotency.once, VAULT, TICKET, fail)
    assert database.look(world.rows, models.Destination) == []
    assert database.look(idempotency.known, VAULT, TICKET) is None
    assert not database.run(idempotency.once, VAULT, TICKET, do).again
    assert database.run(idempotency.once, VAULT, TICKET, do).again
    assert len(database.look(world.rows, models.Destination)) == 1


def test_an_answer_under_another_master_key_is_not_done_again(database: Database) -> None:
    database.run(world.add_account)
    database.run(idempotency.once, VAULT, TICKET, lambda _: Answer(200, b"{}"))
    with pytest.raises(Conflict, match="can be read no more"):
        database.run(idempotency.once, Vault(b"x" * 32), TICKET, lambda _: Answer(200, b"{}"))


def test_old_answers_are_forgotten(database: Database, clock: MovableClock) -> None:
    database.run(world.add_account)
    database.run(idempotency.once, VAULT, TICKET, lambda _: Answer(200, b"{}"))
    clock.advance(timedelta(hours=23))
    other = Ticket(1, "POST /x", "later", b"digest")
    database.run(idempotency.once, VAULT, other, lambda _: Answer(200, b"{}"))
    clock.advance(timedelta(hours=2))
    database.run(retention.forget, 30 * DAY)
    assert database.look(_keys) == ["later"]


def _keys(work: Work) -> list[str]:
    return [row.key for row in work.session.execute(Idempotency.__table__.select())]

"""The console's page of plan and quota: what is used of what is allowed, and what reading costs."""

from typing import Any

import pytest

from bot.rules import budget
from bot.rules.budget import Pace
from bot.usecases.console import standing
from bot.web.console.plan import Meter
from storage import usage
from storage.database import Database, Work
from tests import world
from tests.bot.web.gateway import Served, serving
from tests.bot.web.people import Shown, signed_in
from tests.clock import MovableClock

pytestmark = pytest.mark.asyncio(loop_scope="module")


def of_plan(shown: Shown) -> str:
    return shown.words.replace("\u202f", " ")


async def test_what_is_used_of_what_is_allowed(served: Served) -> None:
    caller = await served.caller("business")
    await caller.subscribed()
    await caller.webhook()
    async with await signed_in(served, account_id=caller.account_id) as ann:
        words = of_plan(await ann.get("/plan"))
        assert "business" in words
        for told in ("Subscriptions 1 of 5", "WhatsApp numbers 1 of 3", "Keys for programs 1 of 5"):
            assert told in words
        assert "not counted" in words
        assert "Ask whoever runs this server" in words
        assert "Reads of the whole installation" not in words


async def test_a_limit_that_is_reached_is_pointed_out(served: Served) -> None:
    caller = await served.caller("pro", credits=0)
    async with await signed_in(served, account_id=caller.account_id) as ann:
        page = await ann.get("/plan")
        assert "Keys for programs limit reached 1 of 1" in of_plan(page)
        assert 'class="meter full"' in page.text
        assert "Credits none left 0 left" in of_plan(page)


async def test_without_limits_nothing_is_measured(served: Served) -> None:
    async with await signed_in(served) as ann:
        page = await ann.get("/plan")
        assert "Subscriptions 0 without limit" in of_plan(page)
        assert "<svg class=" + '"meter' not in page.text


def spent(work: Work, account_id: int, feed: int, reads: int) -> None:
    """On a feed of X that the account follows."""
    (destination,) = world.add_destinations(work, 1, first=feed, account=account_id)
    world.add_feed(work, feed, source="x", key=str(feed), name=f"person{feed}")
    world.subscribe(work, feed, [destination], account=account_id)
    month = budget.month(work.now)
    usage.add(work.session, [{"feed_id": feed, "month": month, "via": "", "reads": reads}])
    usage.spend(work.session, "x", month, reads)


async def test_one_sees_what_was_read_for_oneself_and_operators_all_of_it(served: Served) -> None:
    async with (
        await signed_in(served) as ann,
        await signed_in(served) as bob,
        await signed_in(served, operator=True) as operator,
    ):
        await served.database.write(spent, ann.account_id, 9001, 1200)
        await served.database.write(spent, bob.account_id, 9002, 34)
        forecast = f"{budget.forecast(1200, served.clock()):,}".replace(",", " ")
        assert f"X 1 200 ≈ {forecast}" in of_plan(await ann.get("/plan"))
        for one in (ann, bob):
            assert "1 234" not in of_plan(await one.get("/plan"))
        assert "person9001" not in of_plan(await ann.get("/plan"))
        words = of_plan(await operator.get("/plan"))
        assert "X 1 234 no budget set" in words
        assert "person9001 X 1 200 person9002 X 34" in of_plan(await operator.get("/plan/feeds"))
        assert (await ann.get("/plan/feeds")).status == 403
        assert "Nothing that is billed" in words  # of the operator's own


async def test_the_budget_of_the_installation(served: Served) -> None:
    async with await signed_in(served, operator=True) as operator:
        await served.database.write(spent, operator.account_id, 9003, 900)
        paces = {"x": Pace(budget=2000, price=0.005)}
        found = await served.database.read(
            standing.standing, {}, paces, account_id=operator.account_id, phones=(), operator=True
        )
        (bill,) = found.bills
        assert (bill.budget, bill.price) == (2000, 0.005)
        nobody = await served.database.read(
            standing.standing, {}, paces, account_id=operator.account_id, phones=(), operator=False
        )
        assert nobody.bills == ()


@pytest.mark.asyncio(loop_scope="function")
async def test_a_budget_that_is_used_up_is_told(database: Database, clock: MovableClock, monkeypatch: Any) -> None:
    async with serving(database, clock) as served:
        paces = {"x": Pace(budget=1000, price=0.005)}
        monkeypatch.setattr(standing, "standing", _with_paces(paces))
        async with await signed_in(served, operator=True) as operator:
            await database.write(spent, operator.account_id, 9004, 1000)
            page = await operator.get("/plan")
            assert "X 1 000 of 1 000" in of_plan(page)
            assert "over the budget" in page.words
            assert "The budget is used up" in page.words
            assert "$5.00 · about $" in page.words


def _with_paces(paces: Any) -> Any:
    real = standing.standing

    def asked(work: Work, known: Any, _paces: Any, **more: Any) -> Any:
        return real(work, known, paces, **more)

    return asked


@pytest.mark.parametrize(
    ("used", "limit", "percent", "full", "nearly"),
    [
        (0, None, 0.0, False, False),
        (0, 0, 100.0, True, False),
        (1, 1, 100.0, True, False),
        (7, 5, 100.0, True, True),
        (4, 5, 80.0, False, True),
        (1, 3, 33.3, False, False),
    ],
)
async def test_a_meter(used: int, limit: int | None, percent: float, full: bool, nearly: bool) -> None:
    meter = Meter("keys", used, limit, "")
    assert (meter.percent, meter.full, meter.nearly) == (percent, full, nearly)

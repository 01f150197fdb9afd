"""Every page of the console, the list taken from the router, in a database with very much in it."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import text

from bot.usecases import accounts
from storage.columns import to_micros
from storage.database import Database, Work
from tests.bot.web.gateway import Served, serving
from tests.bot.web.people import Person, signed_in
from tests.clock import MovableClock
from tests.counts import count

SUBSCRIPTIONS, DELIVERIES = count(2_000, 100_000), count(20_000, 1_000_000)
TIMES = count(3, 20)
LONGEST = count(20_000, 100)  # milliseconds; the plain run may share its processor with anybody
WHOLE = ("/subscriptions/export",)  # a file of everything, which takes its time
DESTINATIONS = 10
SLICE = 20_000  # rows a statement: PostgreSQL gives each five seconds
NARROWED = (
    "state=failed", "state=held", "state=sent", "span=1h", "state=failed&span=7d", "from=2020-01-01T00:00",
    "until=2020-01-01T00:00", "destination={destination}", "feed={feed}", "destination={destination}&state=failed",
    "feed={feed}&state=failed", "state=held&at=d{middle}",
)  # fmt: skip

# Row number ``i`` of each: deliveries go post by post, each post to all destinations.
ROWS = {
    "feeds": (
        "uid, source, key, host, title, state, due_at, told, created_at",
        """{uid}, 'feed', 'https://' || i || '.example.org/feed', 'https://' || i || '.example.org:443', 'Feed ' || i,
        'active', :now, CASE WHEN i % 500 = 0 THEN 'failing' ELSE '' END, :now""",
    ),
    "destinations": (
        "uid, account_id, channel, lane, address, verified_at, created_at",
        """{uid}, :account, CASE WHEN i % 2 = 0 THEN 'webhook' ELSE 'feishu' END,
        CASE WHEN i % 2 = 0 THEN 'webhook' ELSE 'chat' END, 'https://example.org/' || i, :now, :now""",
    ),
    "subscriptions": (
        "account_id, feed_id, destination_id, active, number, created_at",
        """:account, :feed + (i - 1) / 10, :destination + (i - 1) % 10, {true}, i, :now""",
    ),
    "posts": (
        "uid, feed_id, seq, key, digest, title, url, content, is_html, found_at",
        """{uid}, :feed + (i - 1) % :feeds, (i - 1) / :feeds + 1, {key}, {key}, 'Post ' || i,
        'https://example.org/' || i, 'Some words of it', {true}, :now - (:posts - i) * :step""",
    ),
    "deliveries": (
        "account_id, subscription_id, destination_id, post_id, post_version, lane, state, due_at, expires_at, "
        "error_code, error, created_at, sent_at",
        """:account, :subscription + ((i - 1) / 10 % :feeds) * 10 + (i - 1) % 10, :destination + (i - 1) % 10,
        :post + (i - 1) / 10, 1, CASE WHEN (i - 1) % 2 = 1 THEN 'webhook' ELSE 'chat' END,
        CASE WHEN i % 100 < 3 THEN 'failed' WHEN i % 100 = 3 THEN 'waiting' WHEN i % 100 = 4 THEN 'held'
             WHEN i % 100 = 5 THEN 'ready' ELSE 'sent' END,
        :now, :now + 86400000000, '', '', :now - (:posts - (i - 1) / 10) * :step,
        CASE WHEN i % 100 > 5 THEN :now - (:posts - (i - 1) / 10) * :step + 1500000 END""",
    ),
}
SPELT = {
    "sqlite": {"{uid}": "lower(hex(randomblob(16)))", "{true}": "1", "{key}": "randomblob(24)"},
    "postgresql": {
        "{uid}": "gen_random_uuid()", "{true}": "true", "{key}": "decode(md5(random()::text || i), 'hex')",
    },
}  # fmt: skip


def fill(work: Work, table: str, first: int, last: int, values: dict[str, int]) -> None:
    """Rows ``first`` to ``last``."""
    columns, row = ROWS[table]
    for word, spelling in SPELT[work.session.get_bind().dialect.name].items():
        row = row.replace(word, spelling)
    statement = f"""
        INSERT INTO {table} ({columns})
        WITH RECURSIVE n (i) AS (SELECT CAST(:first AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i < :last)
        SELECT {row} FROM n
        """
    named = {name: value for name, value in values.items() if f":{name}" in statement}
    work.session.execute(text(statement), named | {"first": first, "last": last})


def least(work: Work, table: str) -> int:
    return int(work.session.execute(text(f"SELECT coalesce(max(id), 0) + 1 FROM {table}")).scalar_one())


def refresh(work: Work) -> None:
    """What engines know of their tables, as they learn it by themselves in time."""
    work.session.execute(text("ANALYZE"))


async def populate(database: Database, account_id: int, now: int) -> dict[str, int]:
    feeds, posts = SUBSCRIPTIONS // DESTINATIONS, DELIVERIES // DESTINATIONS
    sizes = {
        "feeds": feeds, "destinations": DESTINATIONS, "subscriptions": SUBSCRIPTIONS, "posts": posts,
        "deliveries": DELIVERIES,
    }  # fmt: skip
    values = {"account": account_id, "now": now, "feeds": feeds, "posts": posts, "step": 3 * 86_400_000_000 // posts}
    for table, size in sizes.items():
        values[table.removesuffix("s")] = await database.read(least, table)
        for first in range(1, size + 1, SLICE):
            await database.write(fill, table, first, min(first + SLICE - 1, size), values)
    await database.write(refresh)
    return values


def paths(served: Served, known: dict[str, Any]) -> Iterator[str]:
    """Every page that can be looked at, below /console; of things that are there where we know which."""
    (console,) = [one for one in served.web.router.resources() if one.canonical == "/console" and hasattr(one, "_app")]
    for route in console._app.router.routes():
        canonical = route.resource.canonical.removeprefix("/console") if route.resource else ""
        if route.method != "GET" or canonical.startswith("/static"):
            continue
        for name in route.resource.get_info().get("pattern", _NOTHING).groupindex:
            canonical = canonical.replace(f"{{{name}}}", str(known.get(name, 1)))
        yield canonical
        if canonical in ("/deliveries", "/deliveries/again"):
            yield from (f"{canonical}?{narrowed.format(**known)}" for narrowed in NARROWED)
        if canonical in ("/", "/home/live"):
            yield f"{canonical}?of=all"


class _NOTHING:
    groupindex: tuple[str, ...] = ()


async def asked(person: Person, path: str) -> tuple[float, float, int]:
    """Milliseconds: the 95th percentile, and the processor time of this process for one; and the status."""
    took: list[float] = []
    shown = await person.get(path)  # the first time compiles the template and the statements
    busy = time.process_time()
    for _ in range(TIMES):
        begun = time.perf_counter()
        shown = await person.get(path)
        took.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(0)
    busy = (time.process_time() - busy) * 1000 / TIMES
    return sorted(took)[max(-(-len(took) * 95 // 100) - 1, 0)], busy, shown.status


async def test_pages_are_quick_however_much_there_is(database: Database, clock: MovableClock) -> None:
    account_id = (await database.write(accounts.add, "much@example.org", plan="unlimited", operator=True)).id
    first = await populate(database, account_id, to_micros(clock()))
    uids = await database.read(_uids, first)
    last = DELIVERIES + first["deliverie"] - 1
    known = {"delivery": last, "middle": last - DELIVERIES // 2, "subscription": first["subscription"], **uids}
    async with serving(database, clock) as served:
        little = await served.caller()
        url = served.feeds.add("https://little.example.org/feed")
        await little.follows(url, (await little.webhook())["id"])
        async with (
            await signed_in(served, account_id=account_id) as ann,
            await signed_in(served, account_id=little.account_id) as bob,
        ):
            slow = {}
            for path in paths(served, known):
                for name, person in (("much", ann), ("little", bob)):
                    p95, busy, status = await asked(person, path)
                    print(f"{database.engine:10} {name:6} {status} {p95:7.1f} ms, busy {busy:6.1f} ms  {path}")
                    assert status < 500, path
                    if p95 > LONGEST * (10 if path in WHOLE else 1):
                        slow[f"{name} {path}"] = round(p95)
    assert slow == {}


def _uids(work: Work, first: dict[str, int]) -> dict[str, str]:
    found = {}
    for table in ("destination", "feed"):
        wanted = text(f"SELECT CAST(uid AS text) FROM {table}s WHERE id = :id")
        found[table] = str(UUID(work.session.execute(wanted, {"id": first[table]}).scalar_one()))
    return found

"""The benchmarks by name: what is promised, against which floor and which peer, at which size."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from bench.arena import Arena, SinkDesk, contestant
from bench.children import BenchError, Child
from bench.deep_pages import messages_page
from bench.documents import ITEMS
from bench.fill import Size
from bench.measure import Contestant, Race, cpu_seconds, memory_bytes, race
from bench.raw_outbox import DESTINATIONS
from bench.report import OURS, Figure, Goal, Row, rates
from bench.server import Folder
from bench.straws import SENDS

Benchmark = Callable[[Arena], list[Row]]
ELSEWHERE = 1_000_000  # each visits feeds of its own: a visit changes a feed
HERE = 2_000_000
SECONDS_TO_FILL = 2.1  # a key's whole bucket
SECRET = "whsec_cG9zdGJlbGwgcG9zdGJlbGwgcG9zdGJlbGwgMTIzNA=="  # ours signs, and the sink verifies


def poll_new(arena: Arena) -> list[Row]:
    """First visits: fetch, parse, store all 20 items."""
    return _poll_read(arena, "poll a new feed", new_items=ITEMS)


def poll_changed(arena: Arena) -> list[Row]:
    """Later visits: fetch, parse, find and store the one new item."""
    return _poll_read(arena, "poll a changed feed", new_items=1)


def _poll_read(arena: Arena, what: str, *, new_items: int) -> list[Row]:
    origin = arena.origin("changing")
    contestants = []
    for name, program, first, count in (
        ("straw", ("bench.straws", "poller"), 0, arena.size(1_000, 500)),
        ("reader", ("bench.peers", "reader"), ELSEWHERE, arena.size(60, 20)),
        (OURS, ("bench.ours",), HERE, arena.size(1_000, 500)),
    ):
        child = arena.start(*program)
        feeds = {"origin": origin, "first": first, "count": count}
        child.ask("prepare", **feeds)
        for _ in range(2):  # ours knows items again from the second visit on, and what is promised is every later one
            child.ask("run")
        contestants.append(
            contestant(
                name,
                child,
                prepare=feeds if new_items == ITEMS else None,  # prepared again: everything is new again
                expect={"done": count, "new": count * new_items},
            )
        )
    results = race(contestants, arena.turns)
    return _compare(what, "feeds", results, straw=Goal(0.5, 0.8), reader=Goal(10, 20))


def poll_unchanged(arena: Arena) -> list[Row]:
    """Conditional GET, answered with 304."""
    origin = arena.origin("unchanged")
    bare, straw, reader, ours = (
        arena.start("bench.straws", "get"),
        arena.start("bench.straws", "poller"),
        arena.start("bench.peers", "reader"),
        arena.start("bench.ours"),
    )
    many, some = arena.size(6_000, 3_000), arena.size(300, 100)
    bare.ask("prepare", origin=origin, first=0, count=many)
    straw.ask("prepare", origin=origin, first=0, count=many, known=True)
    reader.ask("prepare", origin=origin, first=ELSEWHERE, count=some)
    reader.ask("run")
    ours.ask("prepare", origin=origin, first=HERE, count=many, known=True)
    results = race(
        [
            contestant("bare aiohttp", bare, expect={"done": many}),
            contestant("straw", straw, expect={"done": many, "new": 0}),
            contestant("reader", reader, expect={"done": some, "new": 0}),
            contestant(OURS, ours, expect={"done": many, "unchanged": many, "new": 0}),
        ],
        arena.turns,
    )
    goals = {"bare aiohttp": Goal(0.5, 0.9), "reader": Goal(8, 15), "straw": None}
    return _compare("poll an unchanged feed", "feeds", results, **goals)


def fan_out(arena: Arena) -> list[Row]:
    """One post to 10,000 destinations that answer at once."""
    sink = arena.sink()
    bare, apprise = arena.start("bench.straws", "post"), arena.start("bench.peers", "apprise")
    many, some = 10_000, arena.size(2_000, 500)
    bare.ask("prepare", sink=sink.url)
    apprise.ask("prepare", sink=sink.url, count=some)
    ours = _with_subscribers(arena, sink, many)
    results = race(
        [
            contestant(
                name,
                child,
                order=order,
                run=arguments,
                expect={"done": count},
                before=partial(sink.start, secret=secret),
                after=partial(sink.check, count),
            )
            for name, child, order, arguments, count, secret in (
                ("bare aiohttp", bare, "run", {"count": many}, many, ""),
                ("apprise", apprise, "run", {}, some, ""),
                (OURS, ours, "post", {"count": many}, many, SECRET),
            )
        ],
        arena.turns,
    )
    goals = {"bare aiohttp": Goal(0.6, 1.5), "apprise": Goal(12, 25)}
    return _compare("one post to 10,000 destinations", "posts", results, **goals)


def fan_out_slow(arena: Arena) -> list[Row]:
    """The same with receivers that take 50 ms: how well the slots are used."""
    sink, bare = arena.sink(), arena.start("bench.straws", "post")
    messages, latency = arena.size(3_200, 1_600), 0.05
    bare.ask("prepare", sink=sink.url)
    ours = _with_subscribers(arena, sink, messages)
    seconds: dict[str, list[float]] = {"bare aiohttp": [], OURS: []}
    for _ in range(arena.turns):
        for name, child, order, secret in (("bare aiohttp", bare, "run", ""), (OURS, ours, "post", SECRET)):
            sink.start(latency=latency, secret=secret)
            child.ask(order, count=messages)
            seconds[name].append(sink.check(messages)["seconds"] + latency)
    floor = Figure("messages × latency / slots", [messages * latency / SENDS], "s")
    what = f"{messages:,} posts to receivers that take 50 ms"
    return [
        Row(what, Figure(OURS, seconds[OURS], "s"), floor, Goal(2, 1.2, less=True)),
        Row(what, Figure("bare aiohttp", seconds["bare aiohttp"], "s"), floor),
    ]


def _with_subscribers(arena: Arena, sink: SinkDesk, count: int) -> Child:
    """Ours, following one feed for so many destinations; its next order ``post`` finds something new.

    Each has had a message: the first to one costs half as much again, for its address is checked and its secret opened.
    """
    ours = arena.start("bench.ours")
    ours.ask("prepare", origin=arena.origin("changing"), destinations=count, fan_out=True, sink=sink.url, secret=SECRET)
    ours.ask("run")
    sink.start(secret=SECRET)
    ours.ask("post", count=count)
    sink.check(count)
    return ours


def fan_out_rows(arena: Arena) -> list[Row]:
    """One post becomes 50,000 rows of the outbox."""
    count, destinations = arena.size(4, 2), 50_000
    results = _outboxes(arena, "fan_out", {"posts": count}, destinations * count, raw=destinations, ours=destinations)
    return _by_engine("one post to 50,000 outbox rows", results, Goal(0.3, 0.7), Goal(0.3, 0.7))


def outbox(arena: Arena) -> list[Row]:
    """Rows through the outbox: enqueue, claim, complete."""
    rows = arena.size(40_000, 20_000)
    results = _outboxes(arena, "queue", {"rows": rows}, rows, raw=rows, ours=DESTINATIONS)
    return _by_engine("outbox alone: enqueue, claim, complete", results, Goal(0.3, 0.6), Goal(0.5, 0.8))


def _outboxes(arena: Arena, order: str, arguments: dict[str, int], rows: int, *, raw: int, ours: int) -> Race:
    """``raw`` and ``ours``: the subscriptions of one feed; of ours, each destination has one."""
    if not arena.postgresql:
        raise BenchError("needs PostgreSQL: run it by ./dev bench, or set POSTBELL_TEST_POSTGRESQL")
    contestants = []
    for engine, *program in (("SQLite", "sqlite"), ("PostgreSQL", "postgresql", arena.postgresql)):
        for name, module, count in (("raw", "bench.raw_outbox", raw), (OURS, "bench.our_outbox", ours)):
            contestants.append(
                contestant(
                    f"{name} {engine}",
                    arena.start(module, *program),
                    prepare={"subscriptions": count},
                    order=order,
                    run=arguments,
                    expect={"done": rows},
                )
            )
    return race(contestants, arena.turns)


def _by_engine(what: str, results: Race, sqlite: Goal, postgresql: Goal) -> list[Row]:
    rows = []
    for engine, goal in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
        floor = rates(results, f"raw {engine}", "rows")
        assert floor
        rows.append(Row(f"{what} ({engine})", rates(results, f"{OURS} {engine}", "rows"), floor, goal))
    other = rates(results, "raw PostgreSQL", "rows")
    return [*rows, Row(what, other, rows[0].theirs)]


def latency(arena: Arena) -> list[Row]:
    """From the answer that first shows an item to the item's arrival, 1,000 feeds changing in one go.

    The interval does not count: an item becomes visible by being visited.
    """
    origin, sink = arena.origin("changing"), arena.sink()
    feeds = 1_000
    straw, ours = arena.start("bench.straws", "poller"), arena.start("bench.ours")
    straw.ask("prepare", origin=origin, first=0, count=feeds)
    ours.ask("prepare", origin=origin, first=HERE, count=feeds, destinations=feeds, sink=sink.url, secret=SECRET)
    for child in (straw, ours):
        child.ask("run")
    ours.ask("post", count=feeds)
    straw_waits, our_waits = [], []
    for _ in range(arena.turns):
        sink.start()
        straw.ask("run", relay=sink.url)
        straw_waits.append(sink.check(feeds))
        sink.start(secret=SECRET)
        ours.ask("post", count=feeds)
        our_waits.append(sink.check(feeds))
    straw_50, straw_99 = (Figure(f"straw {p}", [1000 * turn[p] for turn in straw_waits], "ms") for p in ("p50", "p99"))
    our_50, our_99 = (Figure(f"{OURS} {p}", [1000 * turn[p] for turn in our_waits], "ms") for p in ("p50", "p99"))
    what = "visible → received, 1,000 feeds"
    return [
        Row(f"{what}, p50", our_50, straw_50, Goal(2, 1.2, less=True)),
        Row(f"{what}, p99", our_99, _bound(1_000, "ms"), Goal(1, 1, less=True)),
        Row(what, straw_99, straw_50),
        Row(what, straw_99, _bound(1_000, "ms")),
    ]


def stall(arena: Arena) -> list[Row]:
    """The longest time the event loop does not come round while 1,000 feeds are read for the first time."""
    origin, count = arena.origin("changing"), arena.size(1_000, 500)
    stalls: dict[str, list[float]] = {}
    for name, program, first in (("straw", ("bench.straws", "poller"), 0), (OURS, ("bench.ours",), HERE)):
        child = arena.start(*program)
        stalls[name] = []
        for _ in range(arena.turns):
            child.ask("prepare", origin=origin, first=first, count=count)
            stalls[name].append(1000 * child.ask("run")["stall"])
    what = "longest stall of the event loop"
    bound = _bound(250, "ms")
    return [
        Row(what, Figure(OURS, stalls[OURS], "ms"), bound, Goal(1, 0.2, less=True)),
        Row(what, Figure("straw", stalls["straw"], "ms"), bound),
    ]


def callbacks(arena: Arena) -> list[Row]:
    """A platform's callbacks at 200 a second beside a backlog that is being sent; then forged ones."""
    sink, callers, folder = arena.sink(), arena.start("bench.callers"), arena.folder()
    count, forged = arena.size(3_000, 600), arena.size(10_000, 1_000)
    folder.fill(_laden(arena.origin("unchanged"), sink, 100, 20_000 * arena.turns))
    number, secret = "200000000000001", "app secret"
    waits: list[Mapping[str, float]] = []
    prices: list[float] = []
    for _ in range(arena.turns):
        sink.start(secret=SECRET, latency=0.05)
        with folder.serve(WHATSAPP_PHONE_NUMBER_ID=number, WHATSAPP_APP_SECRET=secret) as server:
            url, sending = f"{server.url}/webhooks/whatsapp", server.total("postbell_attempts_total")
            waits.append(callers.ask("statuses", url=url, secret=secret, number=number, count=count, pace=200))
            if server.total("postbell_attempts_total") - sending < count:
                raise BenchError("nothing was sent meanwhile")
            kept, cpu = folder.count("inbox"), cpu_seconds([server.pid])
            refused = callers.ask("forgeries", url=url, number=number, count=forged)["refused"]
            prices.append(forged / (cpu_seconds([server.pid]) - cpu))
            if refused != forged or folder.count("inbox") != kept:
                raise BenchError("a forgery was taken")
    p50, p99 = (Figure(f"{OURS} {p}", [1000 * turn[p] for turn in waits], "ms") for p in ("p50", "p99"))
    what = "callback answered, 200/s beside sending"
    return [
        Row(f"{what}, p99", p99, _bound(250, "ms"), Goal(1, 0.2, less=True)),
        Row(f"{what}, p50", p50, _bound(250, "ms")),
        Row("forged callbacks refused, beside sending", Figure(OURS, prices, "/CPU-s"), _bound(200, "/s")),
    ]


@dataclass(slots=True)
class Weight:
    """What the gateway needs with so many feeds, and ten times as many deliveries queued."""

    feeds: int
    polls: list[float] = field(default_factory=list)  # per CPU-second
    sends: list[float] = field(default_factory=list)
    mebibytes: list[float] = field(default_factory=list)  # at its peak
    ready: list[float] = field(default_factory=list)  # CPU-seconds from its start
    first: list[float] = field(default_factory=list)  # seconds from its start to the first delivery's arrival

    def figure(self, name: str, unit: str) -> Figure:
        return Figure(f"{self.feeds:,} feeds:", getattr(self, name), unit)


def growth(arena: Arena) -> list[Row]:
    """What 100,000 feeds and 1,000,000 queued deliveries cost, and how that grows from 1,000 and 10,000."""
    small, middle, large = weights = [Weight(feeds) for feeds in (1_000, 10_000, arena.size(100_000, 20_000))]
    origin, sink = arena.origin("unchanged"), arena.sink()
    folders = [arena.folder() for _ in weights]
    for weight, folder in zip(weights, folders, strict=True):
        folder.fill(_laden(origin, sink, weight.feeds, 10 * weight.feeds))
        _weigh_polls(weight, folder)
    for _ in range(min(arena.turns, 2)):
        for weight, folder in zip(weights, folders, strict=True):
            _weigh_sends(weight, folder, sink)

    def grown(what: str, name: str, unit: str, goal: Goal) -> list[Row]:
        base = Figure(f"{small.feeds:,} feeds:", [median(getattr(small, name))], unit)
        return [Row(what, large.figure(name, unit), base, goal), Row(what, middle.figure(name, unit), base)]

    what = f"memory, {large.feeds:,} feeds, {10 * large.feeds:,} queued"
    bound, straw = _bound(200, "MiB"), _straw_memory(arena, large.feeds)
    return [
        Row(what, Figure(OURS, [max(large.mebibytes)], "MiB"), bound, Goal(1, 0.5, less=True)),
        *grown("growth of memory", "mebibytes", "MiB", Goal(1.15, 1.05, less=True)),
        *grown("growth of the price of a start", "ready", "CPU-s", Goal(1.2, 1.05, less=True)),
        *grown("growth of the time to the first delivery", "first", "s", Goal(1.5, 1.1, less=True)),
        *grown("growth of the price of a poll (304)", "polls", "/CPU-s", Goal(0.8, 0.95)),
        *grown("growth of the price of a delivery", "sends", "/CPU-s", Goal(0.8, 0.95)),
        Row("memory", straw, bound),
    ]


def _laden(origin: str, sink: SinkDesk, feeds: int, backlog: int) -> Size:
    """The destinations are as many in each, for the first message to one costs more than the next."""
    return Size(
        origin=origin,
        feeds=feeds,
        known=True,
        sink=sink.url,
        secret=SECRET,
        destinations=10_000,
        backlog=backlog,
    )


def _weigh_polls(weight: Weight, folder: Folder) -> None:
    """One round over all feeds, with sending held."""
    with folder.serve("--hold") as server:
        cpu = cpu_seconds([server.pid])
        folder.make_feeds_due()
        server.until(lambda: server.total("postbell_fetch_total") >= weight.feeds)
        weight.polls.append(weight.feeds / (cpu_seconds([server.pid]) - cpu))
        weight.mebibytes.append(memory_bytes([server.pid], peak=True) / 2**20)
    folder.command("outbox", "release")


def _weigh_sends(weight: Weight, folder: Folder, sink: SinkDesk) -> None:
    """A start into the backlog, and some of it sent."""
    metric, some = "postbell_attempts_total", 3_000
    sink.start(secret=SECRET)
    with folder.serve() as server:
        cpu, before = cpu_seconds([server.pid]), server.total(metric)
        server.until(lambda: server.total(metric) - before >= some)
        sent = server.total(metric) - before
        weight.sends.append(sent / (cpu_seconds([server.pid]) - cpu))
        weight.mebibytes.append(memory_bytes([server.pid], peak=True) / 2**20)
    weight.ready.append(server.ready_cpu_seconds)
    weight.first.append(sink.check(None)["first_at"] - server.started_at)


def _straw_memory(arena: Arena, feeds: int) -> Figure:
    straw = arena.start("bench.straws", "poller")
    straw.ask("prepare", origin=arena.origin("unchanged"), first=0, count=feeds, known=True)
    straw.ask("run")
    return Figure(f"straw, {feeds:,} feeds", [memory_bytes([straw.pid], peak=True) / 2**20], "MiB")


def list_page(arena: Arena) -> list[Row]:
    """A page of 50 notifications over the alerts API, with key check and rate limit."""
    asker, count = arena.start("bench.lists", "asker"), arena.size(4_000, 1_000)

    def side(name: str, server: Child) -> Contestant:
        def run() -> float:
            return float(asker.ask("ask", port=server.hello["port"], keys=server.hello["keys"], count=count)["done"])

        return Contestant(name, [server.pid], run, lambda: time.sleep(SECONDS_TO_FILL))

    straw, ours = arena.start("bench.lists", "straw"), arena.start("bench.lists", "ours")
    results = race([side("sqlite3, msgspec", straw), side(OURS, ours)], arena.turns)
    return _compare("list of 50 notifications", "pages", results, **{"sqlite3, msgspec": Goal(0.4, 0.8)})


def _bound(value: float, unit: str) -> Figure:
    """A promise in absolute figures."""
    return Figure("bound", [value], unit)


def _compare(what: str, unit: str, results: Race, **goals: Goal | None) -> list[Row]:
    """Ours against each of the others, then these against the fastest of them."""
    figures = {who: figure for who in goals if (figure := rates(results, who, unit))}
    ours = rates(results, OURS, unit)
    judged = [Row(what, ours, figures[who], goal) for who, goal in goals.items() if goal]
    fastest = max(figures, key=lambda who: median(figures[who].values))
    return judged + [Row(what, figures[who], figures[fastest]) for who in figures if who != fastest]


BENCHMARKS: dict[str, Benchmark] = {
    "poll-new": poll_new,
    "poll-changed": poll_changed,
    "poll-unchanged": poll_unchanged,
    "fan-out": fan_out,
    "fan-out-slow": fan_out_slow,
    "fan-out-rows": fan_out_rows,
    "outbox": outbox,
    "latency": latency,
    "stall": stall,
    "callbacks": callbacks,
    "growth": growth,
    "list": list_page,
    "messages": messages_page,
}

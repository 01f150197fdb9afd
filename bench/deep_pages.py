"""What a page of the messages API costs at the beginning and at the end of a long list, on both engines."""

import random
import time

from bench.arena import Arena
from bench.report import OURS, Figure, Goal, Row

SECONDS_TO_FILL = 2.1  # a key's whole bucket


def messages_page(arena: Arena) -> list[Row]:
    """Pages of 20 of 1,000,000 stored WeChat messages: the first, and the deepest."""
    asker, stored, asked = arena.start("bench.messages", "asker"), arena.size(1_000_000, 50_000), arena.size(600, 100)
    engines = {"SQLite": ("sqlite", "")}
    if arena.postgresql:
        engines["PostgreSQL"] = ("postgresql", arena.postgresql)
    rows = []
    for engine, arguments in engines.items():
        hello = arena.start("bench.messages", "ours", *arguments, str(stored)).hello
        for what, deep in (("first", False), ("deep", True)):
            pages, waits = _some_pages(hello["pages"], asked, deep=deep), []
            for _ in range(arena.turns):
                time.sleep(SECONDS_TO_FILL)
                waits.append(asker.ask("ask", port=hello["port"], keys=hello["keys"], pages=pages)["p99"])
            p99, bound = Figure(f"{OURS} p99", [1000 * wait for wait in waits], "ms"), Figure("bound", [100], "ms")
            rows.append(Row(f"{what} page of {stored:,} messages ({engine})", p99, bound, Goal(1, 0.3, less=True)))
    return rows


def _some_pages(pages: int, count: int, *, deep: bool) -> list[int]:
    """Of the last tenth, or all the first."""
    draw = random.Random(count)
    return [draw.randint(pages * 9 // 10, pages) if deep else 1 for _ in range(count)]

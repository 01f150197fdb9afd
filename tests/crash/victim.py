"""The server with wounds: at points of its work it dies, or fails.  The program itself has no such hook.

``python -m tests.crash.victim [--at POINT=WHAT,…]… [--read-lease SECONDS] [--send-lease SECONDS]
[--migrations FOLDER] [--hurry] -- serve …``; each WHAT happens once, in their order.  ``--hurry``: as many messages
to one person on WhatsApp as there are.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.channels.webhook import Webhook
from adapters.channels.whatsapp import limits
from adapters.http import Outbound
from bot import plugins
from bot.cli import main
from bot.jobs import dispatcher
from bot.usecases import conversations, deliveries, feeds, inbox, posts
from bot.usecases import settling as results
from bot.web.webhooks import Webhooks
from storage import migrate
from storage.outbox import claiming
from storage.work import StorageError, StorageFull, Work

Strike = Callable[[], None]


def striking(point: str, each: list[str]) -> Strike:
    """ "kill" ends this process; the others are raised: "error" and "full" by a database, "bug" by nobody expected."""
    errors = {"error": StorageError, "full": StorageFull, "bug": RuntimeError}

    def strike() -> None:
        if not each:
            return
        what = each.pop(0)
        print(json.dumps({"event": "struck", "level": "info", "at": point, "what": what}), file=sys.stderr, flush=True)
        if what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise errors[what]("struck by the test")

    return strike


def fetched(strike: Strike) -> None:
    """K1: a feed's new document has come; nothing is made of it yet."""
    original = Outbound.fetch

    async def fetch(self: Outbound, *args: Any) -> Any:
        answer = await original(self, *args)
        if answer.status == 200:
            strike()
        return answer

    _put(Outbound, "fetch", fetch)


def recorded(strike: Strike) -> None:
    """K2: posts, deliveries and cursor are written; not committed."""
    original = posts.record

    def record(*args: Any) -> Any:
        result = original(*args)
        if result.deliveries:
            strike()
        return result

    _put(posts, "record", record)


def queued(strike: Strike) -> None:
    """K3: deliveries are committed; none is claimed."""
    original = deliveries.take_due

    def take_due(work: Work, lane: str, *args: Any) -> Any:
        if claiming.destinations_with_work(work.session, lane, 0, 1):
            strike()
        return original(work, lane, *args)

    _put(deliveries, "take_due", take_due)


def claimed(strike: Strike) -> None:
    """K4: the claim is committed; no byte has left."""
    original = Webhook.send

    async def send(self: Webhook, *args: Any) -> Any:
        strike()
        return await original(self, *args)

    _put(Webhook, "send", send)


def answered(strike: Strike) -> None:
    """K6: the receiver has taken it; nothing of that is written."""
    original = results.settle

    def settle(*args: Any) -> Any:
        strike()
        return original(*args)

    _put(results, "settle", settle)


def settling(strike: Strike) -> None:
    """K6, later: the result is written; not committed."""
    original = results.settle

    def settle(*args: Any) -> Any:
        result = original(*args)
        strike()
        return result

    _put(results, "settle", settle)


def settled(strike: Strike) -> None:
    """K7: the result is committed."""
    original = dispatcher.Dispatcher._count

    def count(self: dispatcher.Dispatcher, *args: Any) -> None:
        strike()
        original(self, *args)

    _put(dispatcher.Dispatcher, "_count", count)


def arriving(strike: Strike) -> None:
    """K8: what a platform told us is written; not committed."""
    original = inbox.store

    def store(*args: Any) -> Any:
        result = original(*args)
        strike()
        return result

    _put(inbox, "store", store)


def arrived(strike: Strike) -> None:
    """K9: it is committed; the platform has no answer."""
    original = Webhooks._stored

    async def stored(self: Webhooks, *args: Any) -> Any:
        result = await original(self, *args)
        strike()
        return result

    _put(Webhooks, "_stored", stored)


def obeyed(strike: Strike) -> None:
    """A command has had its effect, and its reply is queued; not committed."""
    original = conversations.take

    def take(*args: Any, **named: Any) -> Any:
        result = original(*args, **named)
        strike()
        return result

    _put(conversations, "take", take)


def replying(strike: Strike) -> None:
    """A command's reply is committed; the request that it is the answer to has none."""
    original = Webhooks._reply

    async def reply(self: Webhooks, *args: Any) -> Any:
        result = await original(self, *args)
        strike()
        return result

    _put(Webhooks, "_reply", reply)


FEEDS = (fetched, recorded, queued, claimed, answered, settling, settled)
CHATS = (arriving, arrived, obeyed, replying)
POINTS = {one.__name__: one for one in (*FEEDS, *CHATS)}


def _put(owner: Any, name: str, replacement: Any) -> None:
    setattr(owner, name, replacement)


def wounded() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--at", action="append", default=[])
    options.add_argument("--read-lease", type=float)
    options.add_argument("--send-lease", type=float)
    options.add_argument("--migrations", type=Path)
    options.add_argument("--hurry", action="store_true")
    options.add_argument("command", nargs="+")
    given = options.parse_args()
    for wound in given.at:
        point, _, each = wound.partition("=")
        POINTS[point](striking(point, each.split(",")))
    if given.read_lease:
        feeds.LEASE = inbox.LEASE = inbox.REQUEST_LEASE = timedelta(seconds=given.read_lease)
    if given.send_lease:
        deliveries.LEASE = timedelta(seconds=given.send_lease)
        dispatcher.LONGEST_SEND = given.send_lease / 2
    if given.hurry:
        for bound in ("PAIR_RATE", "PAIR_BURST", "NUMBER_RATE"):
            _put(limits, bound, 1000.0)
    if given.migrations:
        migrate.FOLDER = given.migrations
    plugins.SOURCES["wire"] = "tests.fakes.wire:Wire"
    plugins.CHANNELS["talk"] = "tests.fakes.talking:Talk"
    sys.argv = ["postbell", *given.command]
    main()


if __name__ == "__main__":
    wounded()

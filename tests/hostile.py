"""Hostile text, an installation that is full of it, and what a page must not hold.

Everything that outsiders can write carries it: what feeds, people and platforms are called, what posts say, what
servers answer, how browsers call themselves.  Where there is no room for more, one payload stands for the others.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache
from hashlib import blake2b
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import bindparam, insert, select, update

from bot.rules import budget, tokens
from bot.usecases import audit
from bot.usecases.console import signing_in
from storage import models, usage
from storage.api_models import ApiKey
from storage.chat_models import Conversation, Hub, Identity, Provider, PushFeed
from storage.columns import Base
from storage.console_models import Invitation
from storage.database import Work
from tests import world

DATA = Path(__file__).parent / "data" / "hostile.txt"
TEMPLATES = Path(__file__).parents[1] / "bot" / "web" / "console" / "templates"
SUM = "1787569"  # what the payloads' templates come to
EACH = 12  # payloads in one text
FIRST = 50_001  # of the rows that are added


@cache
def payloads() -> Sequence[str]:
    lines = DATA.read_text(encoding="utf-8").split("\n")
    told = [line for line in lines if line.strip() and not line.startswith("# ")]
    return [re.sub(r"\\u\{([0-9A-F]+)\}", lambda found: chr(int(found[1], 16)), line) for line in told]


ROWS = -(-len(payloads()) // EACH)
"""Of each list, so that every payload stands in every column."""


def text(n: int, shift: int = 0) -> str:
    """Several payloads, others for each of ``ROWS``; ``shift``: so that columns do not begin with the same."""
    all_ = payloads()
    return " ".join(all_[(n * EACH + shift + i) % len(all_)] for i in range(EACH))


def one(n: int) -> str:
    return payloads()[n % len(payloads())]


# An installation


SPOILT = {
    "accounts": ("name", "disabled_reason"),
    "api_keys": ("name",),
    "announcements": ("text",),
    "attempts": ("response", "code"),
    "conversations": ("title",),
    "deliveries": ("error", "error_code"),
    "destinations": ("name", "disabled_reason"),
    "feeds": ("title", "name", "reason", "language"),
    "hub_pushes": ("content_type",),
    "hubs": ("hub", "topic", "reason"),
    "identities": ("name",),
    "inbox": ("error", "chat"),
    "posts": ("title", "author", "content", "summary"),
    "providers": ("reason",),
}
"""Columns that outsiders write, which hold nothing else after ``fill``."""
CLEAN = {
    "audit", "buckets", "codes", "console_sessions", "hosts", "idempotency", "invitations", "listeners", "meta",
    "official_accounts", "official_buckets", "parked_statuses", "passwords", "post_versions", "push_feeds", "spending",
    "simulated_messages", "simulated_people", "subscriptions", "usage",
}  # fmt: skip
"""Tables that pages do not show, that hold nothing of outsiders, or that are written hostile at once."""


def fill(work: Work, account_id: int) -> None:
    """The account has plenty of everything, and operators see the same of others."""
    feeds = [_feed(work, n) for n in range(ROWS)]
    destinations = [_destination(work, account_id, n) for n in range(ROWS)]
    posts: list[dict[str, Any]] = []
    deliveries: list[dict[str, Any]] = []
    for n, (feed, destination) in enumerate(zip(feeds, destinations, strict=True)):
        world.subscribe(work, feed, [destination], account=account_id)
        posts += _posts(work, n, feed)
        deliveries += _of_posts(work, account_id, n, feed, destination)
        deliveries.append(_notice(work, account_id, n, destination))
        _people(work, account_id, n)
        _upkeep(work, account_id, n, feed)
    attempts = [attempt for delivery in deliveries for attempt in _attempts(work, delivery["id"])]
    for model, rows in ((models.Post, posts), (models.Delivery, deliveries), (models.Attempt, attempts)):
        work.session.execute(insert(model.__table__), rows)
    for name, columns in SPOILT.items():
        if (table := Base.metadata.tables.get(name)) is not None:
            _spoil(work, table, columns)


def _feed(work: Work, n: int) -> int:
    source = ("feed", "x", "wechat", "push")[n % 4]
    state = ("active", "active", "paused", "gone", "disabled")[n % 5]
    failing = n % 3 == 0
    return world.add_feed(
        work,
        FIRST + n,
        source=source,
        key=f"https://{n}.example.org/?{text(n)}" if source == "feed" else f"{n} {text(n)}",
        state=state,
        due_at=work.now + timedelta(days=300),
        home=one(n * 7),
        image=one(n * 11),
        failures=n if failing else 0,
        failing_since=work.now - world.DAY if failing else None,
    )


def _destination(work: Work, account_id: int, n: int) -> int:
    number = FIRST + n
    channel = ("webhook", "feishu", "whatsapp")[n % 3]
    lane = "webhook" if channel == "webhook" else "chat"
    address = {"webhook": f"https://h{n}.example.org/?{text(n)}", "feishu": f"oc_{n}", "whatsapp": f"+3460000{n:04}"}
    conversation = None
    if channel != "webhook":
        conversation = number
        values: dict[str, Any] = {"id": number, "channel": channel, "address": address[channel], "created_at": work.now}
        work.session.add(Conversation(account_id=account_id, **values))
        work.session.flush()
    work.session.add(
        models.Destination(
            id=number,
            uid=world.uid(number),
            account_id=account_id,
            channel=channel,
            lane=lane,
            address=address[channel],
            conversation_id=conversation,
            verified_at=work.now if n % 4 else None,
            disabled_at=work.now if n % 5 == 0 else None,
            failures=n % 5,
            created_at=work.now,
        )
    )
    work.session.flush()
    return number


STATES = ("sent", "failed", "held", "delivered", "read", "waiting")


def _posts(work: Work, n: int, feed: int) -> list[dict[str, Any]]:
    """One for each payload as its address."""
    return [
        {
            "id": number,
            "uid": world.uid(number),
            "feed_id": feed,
            "seq": i + 1,
            "key": blake2b(f"{feed} {number}".encode(), digest_size=16).digest(),
            "digest": b"",
            "url": one(number - FIRST),
            "base": one(number - FIRST + 3),
            "image": one(number - FIRST + 5),
            "is_html": bool(i % 2),
            "extras": _json({"tags": [one(number), one(number + 1)], "enclosures": []}),
            "published_at": work.now - timedelta(minutes=i),
            "found_at": work.now - timedelta(seconds=number % 1000),
        }
        for i, number in enumerate(_numbers(n))
    ]


def _of_posts(work: Work, account_id: int, n: int, feed: int, destination: int) -> list[dict[str, Any]]:
    """Deliveries, which have come or not."""
    (subscription,) = world.rows(work, models.Subscription, feed_id=feed, account_id=account_id)
    known = {"subscription_id": subscription.id, "post_version": 1, "uid": None, "event": "", "text": "", "extras": ""}
    sent = [(number, _sent(work, account_id, number, destination)) for number in _numbers(n)]
    return [{"id": number, "post_id": number, **known, **values} for number, values in sent]


def _notice(work: Work, account_id: int, n: int, destination: int) -> dict[str, Any]:
    """What has no post: a reply with buttons, or a word about a feed."""
    number = FIRST + 10_000 + n
    return {
        "id": number,
        "post_id": None,
        "subscription_id": None,
        "post_version": 0,
        "uid": world.uid(number),
        "event": ("feed.failing", "reply", "operator.notice")[n % 3],
        "text": text(n, 4),
        "extras": _json({"buttons": [{"label": text(n), "value": "list"}], "reply_to": one(n)}),
        **_sent(work, account_id, number, destination),
    }


def _numbers(n: int) -> range:
    return range(FIRST + n * EACH, FIRST + (n + 1) * EACH)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


STATES = ("sent", "failed", "held", "delivered", "read", "waiting")


def _sent(work: Work, account_id: int, number: int, destination: int) -> dict[str, Any]:
    state, at = STATES[number % len(STATES)], work.now - timedelta(seconds=number % 3000)
    return {
        "account_id": account_id,
        "destination_id": destination,
        "lane": "chat" if (destination - FIRST) % 3 else "webhook",
        "state": state,
        "due_at": work.now + timedelta(days=300),
        "expires_at": work.now + timedelta(days=300),
        "attempts": 2,
        "created_at": at,
        "sent_at": at if state in ("sent", "delivered", "read") else None,
        "delivered_at": at if state in ("delivered", "read") else None,
        "read_at": at if state == "read" else None,
        "failed_at": at if state == "failed" else None,
    }


def _attempts(work: Work, delivery: int) -> list[dict[str, Any]]:
    times = {"started_at": work.now, "ended_at": work.now + timedelta(milliseconds=80), "status": 500}
    return [{"delivery_id": delivery, "n": n, "outcome": how, **times} for n, how in ((1, "retry"), (2, "permanent"))]


def _people(work: Work, account_id: int, n: int) -> None:
    """Others with accounts, and from where this one is used."""
    email = f"{n}+pwned'@example.org"
    work.session.add(
        models.Account(id=FIRST + n, email=email, created_at=work.now, disabled_at=[None, work.now][n % 2])
    )
    work.session.flush()
    work.session.add(Identity(channel="whatsapp", person=str(n), account_id=account_id, created_at=work.now))
    work.session.add(
        ApiKey(
            account_id=account_id,
            prefix=f"bws_prod_{n:03}",
            digest=n.to_bytes(32),
            created_at=work.now,
            expires_at=work.now + world.DAY * n,
        )
    )
    signing_in.begin(work, account_id, tokens.new(), signing_in.Browser("192.0.2.9", text(n)), "sign in")
    work.session.add(
        Invitation(
            digest=tokens.digest(f"hostile-{n}"),
            email=email.replace("@", "@new."),
            invited_by=account_id,
            created_at=work.now,
            expires_at=work.now + world.DAY,
        )
    )
    words = {"name": text(n, 1), "reason": text(n, 2)}
    audit.note(work, audit.Actor("console", account_id, "", "192.0.2.9"), "change name", "account 5", words, words)


def _upkeep(work: Work, account_id: int, n: int, feed: int) -> None:
    """What operators see."""
    hub: dict[str, Any] = {"feed_id": feed, "token": str(n), "created_at": work.now}
    work.session.add(Hub(hub="", topic="", due_at=work.now + timedelta(days=300), **hub))
    work.session.add(PushFeed(feed_id=feed, account_id=account_id, token_digest=n.to_bytes(32), created_at=work.now))
    month = budget.month(work.now)
    usage.add(work.session, [{"feed_id": feed, "month": month, "via": "", "reads": n + 1}])
    usage.spend(work.session, "x", month, n + 1)
    if n < 3:
        work.session.add(Provider(name=("whatsapp", "feishu", "webhook")[n], held_at=work.now, suspensions=n))
    work.session.add(
        models.InboundEvent(
            provider="whatsapp",
            event_key=text(n),
            raw=text(n).encode(),
            received_at=work.now,
            due_at=work.now,
            done_at=work.now,
        )
    )
    announcements = Base.metadata.tables.get("announcements")
    if announcements is not None:
        end = {"ends_at": work.now + timedelta(days=300)}
        work.session.execute(insert(announcements).values(text="", begins_at=work.now, created_at=work.now, **end))
    work.session.flush()


def _spoil(work: Work, table: Any, columns: Sequence[str]) -> None:
    key = list(table.primary_key.columns)
    rows = work.session.execute(select(*key).order_by(*key)).all()
    mine = [column == bindparam(f"_{column.name}", type_=column.type) for column in key]
    changes = [
        {f"_{column.name}": value for column, value in zip(key, row, strict=True)}
        | {f"new_{name}": text(n, 3 * i) for i, name in enumerate(columns)}
        for n, row in enumerate(rows)
    ]
    statement = update(table).where(*mine).values({name: bindparam(f"new_{name}") for name in columns})
    if changes:
        work.session.connection().execute(statement, changes)


# What a page must not hold

ADDRESSES = {
    "href", "src", "action", "formaction", "data", "poster", "srcset", "background", "ping", "manifest", "cite",
    "xlink:href", "hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete", "sse-connect", "hx-push-url",
}  # fmt: skip
ELSEWHERE = {"noopener", "noreferrer", "nofollow"}


@cache
def elements() -> frozenset[str]:
    """What our own templates are made of."""
    found = re.findall(r"<([a-zA-Z][a-zA-Z0-9-]*)", "\n".join(path.read_text() for path in TEMPLATES.rglob("*.html")))
    return frozenset(name.lower() for name in found)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name.lower(): value or "" for name, value in attributes}
        if tag not in elements():
            self.faults.append(f"there is an element {tag}")
        names = {*given.get("class", "").split(), given.get("id"), given.get("name"), *given}
        if "pwned" in names:
            self.faults.append(f"a payload became an element: {tag} {given}")
        for name, value in given.items():
            self._look_at(tag, name, value, given)
        self._in_script = tag == "script"

    def _look_at(self, tag: str, name: str, value: str, given: dict[str, str]) -> None:
        if name.startswith(("on", "data-hx", "hx-on")) or name in ("style", "srcdoc"):
            self.faults.append(f"{tag} has {name}={value!r}")
        if name in ADDRESSES and not self._is_good(tag, value, given):
            self.faults.append(f"{tag} has {name}={value!r}")

    def _is_good(self, tag: str, value: str, given: dict[str, str]) -> bool:
        if re.match(r"[/?](?![/\\])|[#/?]?$|#", value):
            self.links.append(value)
            return True
        if tag == "a":
            return value.startswith(("https://", "http://")) and set(given.get("rel", "").split()) >= ELSEWHERE
        return tag == "img" and value.startswith("data:image/")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._in_script = False

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._in_script and data.strip():
            self.faults.append(f"a script of the page's own: {data!r}")


def read(page: str) -> _Reader:
    """What is wrong with a page, where it leads, and what it says."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    if SUM in page:
        reader.faults.append("a template was carried out")
    for tag in ("<html", "<body"):
        if page.lower().count(tag) > 1:
            reader.faults.append(f"{tag} stands there twice")
    return reader


def queries() -> Iterator[str]:
    """All payloads, as the values of a query."""
    for n in range(0, len(payloads()), 16):
        yield quote(" ".join(payloads()[n : n + 16]), safe="", errors="replace")

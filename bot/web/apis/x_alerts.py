"""The X alerts API, word for word: posts of X accounts on verified WhatsApp numbers."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from adapters.base import Channel, FeedGone, FeedNotFound, Found, Source, SourceError
from bot.clock import Clock, to_millis
from bot.errors import Invalid, Unavailable
from bot.rules import cursors, ids, plans
from bot.rules import keys as key_rules
from bot.usecases import alerts, keys, phones
from bot.usecases.chat.who import Terms
from bot.web.apis import x_alerts_wire as wire
from bot.web.gathered import Gathered
from bot.web.keys import Door, Recent
from bot.web.surface import Call, Refusal, Route
from storage.database import Database
from storage.models import DeliveryState

CHANNEL = "whatsapp"
PAGE = 50
LOOKUP_SECONDS = 20.0
TEXTS = 5_000  # that are kept rendered
LATEST = 253_402_300_799_999  # the last millisecond that has a date

_NUMBER = re.compile(r"\+[1-9][0-9]{7,14}")
_USERNAME = re.compile(r"[A-Za-z0-9_]{1,15}")


class Wording:
    """One sentence, in English, in a field of its own."""

    checks_values = False  # handlers do, in the document's order

    def body(self, status: int, text: str, error: Exception | None = None) -> wire.Problem:  # noqa: ARG002
        return wire.Problem(text)

    def not_an_object(self) -> str:
        return "invalid JSON"

    def missing(self, field: str) -> str:
        return f"{field} is required"

    def wrong_type(self, field: str, kind: str) -> str:
        return f"{field} must be a {kind}"

    def bad_value(self, field: str, reason: str) -> str:
        return f"{field}: {reason}"


class XAlerts:
    """Its operations.  ``cursor_keys``: under which places in a list are signed, the present one first."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        sources: Mapping[str, Source],
        door: Door,
        clock: Clock,
        *,
        terms: Terms,
        known: plans.Plans,
        cursor_keys: Sequence[bytes],
    ) -> None:
        self._database, self._channels, self._sources = database, channels, sources
        self._door, self._clock, self._terms, self._plans, self._keys = door, clock, terms, known, cursor_keys
        self._lists = Gathered(self._listed)
        self._texts: Recent[alerts.Version, str] = Recent(TEXTS)

    def routes(self) -> list[Route]:
        number = {"phoneNumber": 'E.164, its "+" written as %2B'}
        return [
            Route("GET", "/user/profile", self.profile, "Your profile", wire.Profile),
            Route(
                *("POST", "/phones", self.register, "Register a phone: a code is sent to it", wire.PhoneState),
                body=wire.PhoneWish,
                errors={
                    400: [
                        "invalid phone number format",
                        "phone already verified",
                        "phone limit reached",
                        "displayName is too long",
                    ],
                    429: ["too many codes, try again later"],
                    503: ["WhatsApp is not available, try again later"],
                },
            ),
            Route(
                *("POST", "/phones/verify", self.verify, "Enter the code that a phone was sent", wire.PhoneState),
                body=wire.CodeEntry,
                errors={
                    400: ["phone already verified", "code expired", "invalid code"],
                    404: ["phone not found"],
                },
            ),
            Route("GET", "/phones", self.phones, "Your phones", wire.Phones),
            Route(
                *("DELETE", "/phones/{phoneNumber}", self.remove_phone, "Delete a phone", wire.Done),
                parameters=number,
                errors={404: ["phone not found"]},
            ),
            Route(
                *("POST", "/subscriptions", self.subscribe, "Have an X account's posts sent", wire.Subscription),
                body=wire.SubscriptionWish,
                errors={
                    400: [
                        "invalid X username format",
                        "phone not found",
                        "phone not verified",
                        "subscription limit reached",
                    ],
                    402: ["insufficient credits"],
                    404: ["X account not found"],
                    503: ["X is not available, try again later"],
                },
            ),
            Route("GET", "/subscriptions", self.subscriptions, "Your subscriptions", wire.Subscriptions),
            Route(
                *("DELETE", "/subscriptions/{xUsername}", self.unsubscribe, "End subscriptions", wire.Done),
                parameters={"xUsername": "in any case, without @"},
                errors={404: ["subscription not found"]},
            ),
            Route(
                *("GET", "/notifications", self.notifications, "What was sent, the newest first", wire.Notifications),
                query=wire.Span,
                errors={400: ["invalid lastKey"]},
            ),
            Route(
                *("POST", "/apikeys", self.create_key, "Make a key; it is shown this once", wire.NewKey),
                status=201,
                body=wire.KeyWish,
                errors={400: ["api key limit reached", "name is too long"]},
            ),
            Route("GET", "/apikeys", self.api_keys, "Your keys", list[wire.Key]),
            Route(
                *("DELETE", "/apikeys/{keyPrefix}", self.remove_key, "Delete a key", wire.Done),
                parameters={"keyPrefix": "12 characters, never the whole key"},
                errors={400: ["use the 12-character keyPrefix"], 404: ["api key not found"]},
            ),
        ]

    # User

    async def profile(self, call: Call) -> wire.Profile:
        row = await self._database.read(alerts.profile, call.account_id)
        return wire.Profile(
            userId=call.user_id,
            email=row.email,
            name=row.name or None,
            plan=row.plan,
            createdAt=to_millis(row.created_at),
        )

    # Phones

    async def register(self, call: Call) -> wire.PhoneState:
        wish: wire.PhoneWish = call.body
        if not _NUMBER.fullmatch(wish.phoneNumber):
            raise Invalid("invalid phone number format")
        if wish.displayName and len(wish.displayName) > key_rules.LONGEST_NAME:
            raise Invalid("displayName is too long")
        if CHANNEL not in self._channels:
            raise Unavailable("WhatsApp is not available, try again later")
        await self._database.write(
            phones.register,
            self._terms,
            self._plans,
            account_id=call.account_id,
            channel=CHANNEL,
            number=wish.phoneNumber,
            name=wish.displayName,
            caller=call.address,
        )
        return wire.PhoneState(wish.phoneNumber, "pending_verification")

    async def verify(self, call: Call) -> wire.PhoneState:
        entry: wire.CodeEntry = call.body
        outcome = await self._database.write(
            phones.verify,
            self._terms,
            account_id=call.account_id,
            channel=CHANNEL,
            number=entry.phoneNumber,
            code=entry.code,
        )
        if outcome != "ok":
            raise Refusal(*_NOT_VERIFIED[outcome])
        return wire.PhoneState(entry.phoneNumber, "verified")

    async def phones(self, call: Call) -> wire.Phones:
        rows = await self._database.read(phones.of_account, call.account_id, CHANNEL)
        found = [_phone(row) for row in rows]
        return wire.Phones(found, len(found))

    async def remove_phone(self, call: Call) -> wire.Done:
        await self._database.write(phones.remove, call.account_id, CHANNEL, call.path["phoneNumber"])
        return wire.Done()

    # Subscriptions

    async def subscribe(self, call: Call) -> wire.Subscription:
        body: wire.SubscriptionWish = call.body
        username = body.xUsername.removeprefix("@")
        if not _USERNAME.fullmatch(username):
            raise Invalid("invalid X username format")
        wish = alerts.Wish(call.account_id, CHANNEL, body.phoneNumber, username)
        row = await self._database.read(alerts.look, self._plans, wish)
        if row is None:
            source, found = await self._ask_x(username)
            host = source.host(found.key)
            row = await self._database.write(alerts.subscribe, self._terms, self._plans, wish, found, host)
        return _subscription(row)

    async def _ask_x(self, username: str) -> tuple[Source, Found]:
        """Raises Refusal, Unavailable."""
        source = self._sources.get(alerts.SOURCE)
        try:
            if source is not None:
                async with asyncio.timeout(LOOKUP_SECONDS):
                    return source, await source.resolve(username, self._clock())
        except (FeedNotFound, FeedGone):
            raise Refusal(404, "X account not found") from None
        except (SourceError, TimeoutError):
            pass
        raise Unavailable("X is not available, try again later")

    async def subscriptions(self, call: Call) -> wire.Subscriptions:
        rows = await self._database.read(alerts.of_account, call.account_id, CHANNEL)
        found = [_subscription(row) for row in rows]
        return wire.Subscriptions(found, len(found))

    async def unsubscribe(self, call: Call) -> wire.Done:
        username = call.path["xUsername"].removeprefix("@")
        await self._database.write(alerts.unsubscribe, call.account_id, CHANNEL, username)
        return wire.Done()

    # Notifications

    async def notifications(self, call: Call) -> wire.Notifications:
        span: wire.Span = call.query
        after = None
        if span.lastKey is not None:
            after = cursors.read(self._keys, call.account_id, span.lastKey)
            if after is None:
                raise Invalid("invalid lastKey")
        since = 0 if span.since is None else _bounded(span.since)
        until = LATEST if span.to is None else _bounded(span.to)
        until = (until + 1) * 1000  # the millisecond that is named belongs to it
        return await self._lists.ask((alerts.Wanted(call.account_id, since * 1000, until, after), call.user_id))

    async def _listed(self, asked: Sequence[tuple[alerts.Wanted, str]]) -> Sequence[wire.Notifications]:
        """Pages, each for the account that is called so."""
        pages = await self._database.read(alerts.pages, CHANNEL, [wanted for wanted, _ in asked], PAGE)
        texts = await self._texts_of(pages)
        return [
            self._list(page, texts, wanted.account_id, user_id)
            for (wanted, user_id), page in zip(asked, pages, strict=True)
        ]

    def _list(
        self, page: alerts.Listed, texts: Mapping[alerts.Version, str], account_id: int, user_id: str
    ) -> wire.Notifications:
        found = wire.Notifications([_notification(row, page.addresses, texts, user_id) for row in page.alerts])
        if page.more:
            found.lastKey = cursors.make(self._keys, account_id, page.more)
        return found

    async def _texts_of(self, pages: Sequence[alerts.Listed]) -> Mapping[alerts.Version, str]:
        """Versions never change, so each is rendered once."""
        wanted = {(one.post_id, one.post_version) for page in pages for one in page.alerts}
        if missing := wanted - self._texts.keys():
            for version, text in (await self._database.read(alerts.texts, list(missing))).items():
                self._texts[version] = text
        return self._texts

    # API keys

    async def create_key(self, call: Call) -> wire.NewKey:
        wish: wire.KeyWish = call.body
        name = wish.name or "Default"
        if len(name) > key_rules.LONGEST_NAME:
            raise Invalid("name is too long")
        made = await self._database.write(keys.create, self._plans, account_id=call.account_id, name=name)
        return wire.NewKey(made.key, made.prefix, made.name, to_millis(made.created_at), to_millis(made.expires_at))

    async def api_keys(self, call: Call) -> list[wire.Key]:
        rows = await self._database.read(keys.of_account, call.account_id)
        return [
            wire.Key(
                row.prefix, row.name, to_millis(row.created_at), _millis(row.last_used_at), to_millis(row.expires_at)
            )
            for row in rows
        ]

    async def remove_key(self, call: Call) -> wire.Done:
        prefix = call.path["keyPrefix"]
        if len(prefix) > key_rules.PREFIX and key_rules.looks_like_key(prefix):
            raise Invalid("use the 12-character keyPrefix")
        self._door.forget(await self._database.write(keys.remove, call.account_id, prefix))
        return wire.Done()


_NOT_VERIFIED = {
    "not_found": (404, "phone not found"),
    "verified_already": (400, "phone already verified"),
    "expired": (400, "code expired"),
    "invalid": (400, "invalid code"),
}


_STATUSES: Mapping[str, Any] = {
    DeliveryState.SENT: "sent",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.READ: "read",
    DeliveryState.FAILED: "failed",
}


def _bounded(millis: int) -> int:
    return min(max(millis, 0), LATEST)


def _millis(at: Any) -> int | None:
    return None if at is None else to_millis(at)


def _phone(row: Any) -> wire.Phone:
    return wire.Phone(
        phoneNumber=row.address,
        status="verified" if row.verified_at else "pending_verification",
        displayName=row.name or None,
        createdAt=to_millis(row.created_at),
        verifiedAt=_millis(row.verified_at),
    )


def _subscription(row: Any) -> wire.Subscription:
    return wire.Subscription(
        xUsername=row.name or row.key,
        xUserId=row.key,
        xDisplayName=row.title or None,
        xProfileImage=row.image or None,
        phoneNumber=row.address,
        isActive=row.active,
        createdAt=to_millis(row.created_at),
    )


def _notification(
    alert: alerts.Alert, phones_: Mapping[int, str], texts: Mapping[alerts.Version, str], user_id: str
) -> wire.Notification:
    created = alert.created_at // 1000
    on_x = ids.post_on_x(alert.url) if alert.source == alerts.SOURCE else ""
    last = max(alert.created_at, alert.sent_at or 0, alert.delivered_at or 0, alert.read_at or 0, alert.failed_at or 0)
    return wire.Notification(
        ids.numbered(created, alert.id),
        user_id,
        phones_[alert.destination_id],
        alert.feed,
        on_x or str(UUID(alert.post_uid)),
        texts.get((alert.post_id, alert.post_version), ""),
        alert.url,
        alert.message_id or None,
        _STATUSES.get(alert.state, "queued"),
        alert.error or None if alert.state in _WITH_REASON else None,
        created,
        last // 1000,
    )


_WITH_REASON = (DeliveryState.FAILED, DeliveryState.HELD)

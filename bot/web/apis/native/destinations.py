"""``/api/v1/destinations``: where messages go."""

from datetime import datetime
from typing import Any

from adapters.base import BadAddress, Channel
from adapters.inbound import Phoned
from adapters.signatures import new_secret
from bot.errors import Invalid, Unavailable
from bot.rules import ids
from bot.usecases import destinations as standing
from bot.usecases.idempotency import Answer
from bot.usecases.native import destinations
from bot.web.apis.native import deliveries, times, wire
from bot.web.apis.native.desk import Desk, size
from bot.web.apis.native.wording import Wording
from bot.web.surface import Call, Refusal, Route, as_json
from storage.models import Destination

ID = {"destinationId": "as GET /api/v1/destinations shows it"}
NONE = "there is no such destination"
LIST = "destinations"


class Destinations:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        path = "/api/v1/destinations"
        one = f"{path}/{{destinationId}}"
        return [
            Route(
                *("GET", path, self.list_destinations, "Your destinations, the newest first", wire.Destinations),
                query=wire.PageQuery,
                errors={400: ["this cursor was not made for this list"]},
            ),
            Route(
                *("POST", path, self.add_destination, "Add a destination", wire.AddedDestination),
                description="A webhook can be used at once, and its signing secret is in this answer, never again. A "
                "custom bot's address can be used at once, too. To everything else a code is sent, which `/verify` "
                "takes.",
                status=201,
                body=wire.NewDestination,
                once=True,
                errors={
                    400: ["there is no channel of that name", "the address is none of this channel"],
                    403: ["the plan allows no more phone numbers"],
                    409: ["there is a destination with that address already"],
                    429: ["too many codes, try again later"],
                },
            ),
            Route(
                *("GET", one, self.get_destination, "A destination, and how it fares", wire.Destination),
                parameters=ID,
                errors={404: [NONE]},
            ),
            Route(
                *("DELETE", one, self.remove_destination, "Remove a destination", wire.Removed),
                description="Its subscriptions end, and what is queued for it is not sent.",
                parameters=ID,
                errors={404: [NONE]},
            ),
            Route(
                *("POST", f"{one}/code", self.send_code, "Send another code there", wire.CodeSent),
                parameters=ID,
                once=True,
                errors={
                    404: [NONE],
                    409: ["this destination is verified already"],
                    429: ["too many codes, try again later"],
                },
            ),
            Route(
                *("POST", f"{one}/proof", self.show_code, "Get a code to be sent to us from there", wire.CodeShown),
                description="The other way round: whoever has the number or chat writes the code to Postbell.",
                parameters=ID,
                once=True,
                errors={
                    404: [NONE],
                    409: ["this destination is verified already"],
                    429: ["too many codes, try again later"],
                },
            ),
            Route(
                *("POST", f"{one}/verify", self.verify_destination, "Enter the code that was sent", wire.Destination),
                parameters=ID,
                body=wire.Code,
                once=True,
                errors={
                    400: ["this is not the code", "the code has expired, or was tried too often"],
                    404: [NONE],
                    409: ["this destination is verified already"],
                },
            ),
            Route(
                *("POST", f"{one}/rotate-secret", self.rotate_secret, "Sign with a new secret", wire.NewSecret),
                description="The former one signs beside it for a day, so that the receiver can change over.",
                parameters=ID,
                once=True,
                errors={404: [NONE], 409: ["this destination has no signing secret"]},
            ),
            Route(
                *("POST", f"{one}/enable", self.enable_destination, "Try a disabled one again", wire.Destination),
                parameters=ID,
                once=True,
                errors={404: [NONE]},
            ),
            Route(
                *("POST", f"{one}/test", self.send_test, "Send a message that says it is a test", wire.Delivery),
                parameters=ID,
                once=True,
                errors={404: [NONE], 409: ["this destination is not verified yet", "this destination is disabled"]},
            ),
        ]

    async def list_destinations(self, call: Call) -> wire.Destinations:
        desk = self._desk
        _, before = desk.place(call, LIST)
        page = await desk.database.read(destinations.page, call.account_id, before, size(call))
        now = desk.clock()
        return wire.Destinations([shown(one, now) for one in page.entries], desk.cursor(call, page, LIST))

    async def get_destination(self, call: Call) -> wire.Destination:
        found = await self._desk.database.read(destinations.get, call.account_id, _id(call))
        return shown(found, self._desk.clock())

    async def add_destination(self, call: Call) -> Answer:
        body: wire.NewDestination = call.body
        way = self._channel(body.channel)
        secret = new_secret() if way.needs_secret else None
        address = _normal(way, body.address)
        wish = destinations.Wish(
            account_id=call.account_id,
            channel=way.name,
            lane=way.lane,
            address=address,
            name=body.name or "",
            secret=secret,
            verified=way.needs_secret or address.startswith("https://"),  # who knows such an address may write there
            phones=self._desk.phones if isinstance(way, Phoned) else (),
        )
        now, desk = self._desk.clock(), self._desk

        def added(one: Destination) -> Answer:
            return Answer(201, as_json(wire.AddedDestination(**_fields(one, now), secret=secret)))

        return await desk.once(call, added, destinations.add, desk.vault, desk.terms, desk.plans, wish, call.address)

    def _channel(self, name: str) -> Channel:
        """Raises Invalid, Unavailable."""
        way = self._desk.channels.get(name)
        if way is None:
            known = ", ".join(sorted(self._desk.channels))
            raise Invalid(f"there is no channel {name!r}", field="channel", code="invalid_value", hint=f"use {known}")
        if isinstance(way, Phoned) and not way.is_set_up:
            raise Unavailable(f"{name} is not set up on this server", hint="ask whoever runs it")
        return way

    async def remove_destination(self, call: Call) -> wire.Removed:
        removed = await self._desk.database.write(destinations.remove, call.account_id, _id(call))
        return wire.Removed(str(removed))

    # Verifying

    async def send_code(self, call: Call) -> Answer:
        def sent(asked: Any) -> wire.CodeSent:
            return wire.CodeSent(asked.sent, times.shown(asked.expires_at))

        desk = self._desk
        return await desk.once(call, sent, destinations.ask, desk.terms, call.account_id, _id(call), call.address)

    async def show_code(self, call: Call) -> Answer:
        def told(code: Any) -> wire.CodeShown:
            return wire.CodeShown(code.text, code.link or None, times.shown(code.expires_at))

        desk = self._desk
        found = await desk.database.read(destinations.get, call.account_id, _id(call))
        way = desk.channels.get(found.channel)
        number = way.number if isinstance(way, Phoned) else ""
        return await desk.once(call, told, destinations.prove, desk.terms, call.account_id, _id(call), number)

    async def verify_destination(self, call: Call) -> Answer:
        entry: wire.Code = call.body
        now, desk = self._desk.clock(), self._desk

        def told(result: tuple[destinations.Outcome, Destination]) -> Any:
            outcome, one = result
            return shown(one, now) if outcome == "ok" else _not_verified(outcome)

        return await desk.once(call, told, destinations.verify, desk.terms, call.account_id, _id(call), entry.code)

    # What else is done with it

    async def rotate_secret(self, call: Call) -> Answer:
        secret, id_ = new_secret(), _id(call)

        def told(until: datetime) -> wire.NewSecret:
            return wire.NewSecret(str(id_), secret, times.shown(until))

        desk = self._desk
        return await desk.once(call, told, destinations.rotate, desk.vault, call.account_id, id_, secret)

    async def enable_destination(self, call: Call) -> Answer:
        now = self._desk.clock()
        return await self._desk.once(call, lambda one: shown(one, now), destinations.enable, call.account_id, _id(call))

    async def send_test(self, call: Call) -> Answer:
        desk = self._desk
        return await desk.once(call, deliveries.shown, destinations.test, desk.terms, call.account_id, _id(call))


def _id(call: Call) -> Any:
    return ids.read(call.path["destinationId"])


def _normal(way: Channel, address: str) -> str:
    """Raises Invalid."""
    try:
        return way.normal_address(address)
    except BadAddress as error:
        raise Invalid(str(error), field="address", code="invalid_value") from None


_REASONS = {
    "verified_already": (409, "this destination is verified already", "verified", "nothing is left to do"),
    "expired": (
        400,
        "the code has expired, or was tried too often",
        "code_expired",
        "POST …/code sends another one",
    ),
    "invalid": (400, "this is not the code", "wrong_code", "there are five tries"),
}


def _not_verified(outcome: str) -> Answer:
    """As an answer, for an error would take back what was counted."""
    status, text, code, hint = _REASONS[outcome]
    refusal = Refusal(status, text, code=code, field="code", hint=hint)
    return Answer(status, as_json(Wording().body(status, text, refusal)))


def shown(row: Destination, now: datetime) -> wire.Destination:
    return wire.Destination(**_fields(row, now))


def _fields(row: Destination, now: datetime) -> dict[str, Any]:
    state, reason = standing.state(row, now), _reason(row, now)
    return {
        "id": str(row.uid),
        "channel": row.channel,
        "address": row.address,
        "name": row.name or None,
        "verified": row.verified_at is not None,
        "state": state,
        "reason": reason or None,
        "createdAt": times.shown(row.created_at),
        "verifiedAt": times.shown_if(row.verified_at),
    }


def _reason(row: Destination, now: datetime) -> str:
    match standing.state(row, now):
        case "disabled":
            return row.disabled_reason
        case "resting":
            return f"until {times.shown_if(standing.rests_until(row, now))}"
        case "failing":
            return f"{row.failures} in a row"
    return ""

"""What tests of codes share: a gateway with accounts and chats, and the eyes of the person whose phone rings."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from bot.usecases import codes
from bot.usecases.chat.who import Terms
from storage import models
from storage.chat_models import Code, Conversation, Identity
from storage.database import Database, Work
from storage.models import Delivery
from tests import world
from tests.clock import MovableClock

P = ParamSpec("P")
T = TypeVar("T")
TERMS = Terms(world.POLICY, world.INTERVAL, "https://bell.example.org", pepper=b"pepper")
ANN, BOB = "+34600000001", "+34600000002"


class Desk:
    """Accounts 1 and 2, strangers to each other."""

    def __init__(self, database: Database, clock: MovableClock, terms: Terms = TERMS) -> None:
        self.database, self.clock, self.terms = database, clock, terms
        for number in (1, 2):
            if not self.rows(models.Account, id=number):
                self.run(world.add_account, number)

    def run(self, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.run(use_case, *args, **kwargs)

    def rows(self, table: Any, **equal: Any) -> list[Any]:
        return self.database.look(world.rows, table, **equal)

    def chat(self, address: str, *, account: int = 1, channel: str = "whatsapp", direct: bool = True) -> int:
        """A chat known to us, and its person; returns the chat's id."""

        def add(work: Work) -> int:
            chat = Conversation(
                channel=channel, address=address, account_id=account, direct=direct, created_at=work.now
            )
            person = Identity(channel=channel, person=address, account_id=account, created_at=work.now)
            work.session.add_all([chat, person])
            work.session.flush()
            return chat.id

        return self.run(add)

    def ask(self, account: int = 1, address: str = ANN, **fields: Any) -> codes.Asked:
        return self.run(codes.ask, self.terms, account_id=account, channel="whatsapp", address=address, **fields)

    def prove(self, account: int = 1, address: str = ANN, **fields: Any) -> codes.Shown:
        return self.run(codes.prove, self.terms, account_id=account, channel="whatsapp", address=address, **fields)

    def arrived(self, address: str = ANN, account: int = 1) -> str:
        """The digits that wait to be sent to this number."""
        (destination,) = self.rows(models.Destination, account_id=account, channel="whatsapp", address=address)
        return str([row.text for row in self.rows(Delivery, destination_id=destination.id, event="code")][-1])

    def enter(self, digits: str, address: str = ANN, chat: int | None = None) -> codes.Entered:
        return self.run(
            codes.enter, self.terms, channel="whatsapp", addresses=[address], digits=digits, conversation_id=chat
        )

    def enter_for(self, digits: str, account: int = 1, address: str = ANN) -> str:
        return self.run(
            codes.enter_for, self.terms, account_id=account, channel="whatsapp", address=address, digits=digits
        )

    def void(self, text: str, person: str, group: int, channel: str = "whatsapp") -> bool:
        return self.run(codes.void, self.terms, channel=channel, person=person, text=text, conversation_id=group)

    def verified(self, address: str = ANN, account: int = 1) -> bool:
        found = self.rows(models.Destination, account_id=account, address=address)
        return bool(found) and found[0].verified_at is not None

    def codes(self, **equal: Any) -> list[Any]:
        return self.rows(Code, **equal)


def other_than(digits: str, by: int = 1) -> str:
    return f"{(int(digits) + by) % 10**6:06d}"

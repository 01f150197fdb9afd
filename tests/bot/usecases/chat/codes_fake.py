"""Verification codes as conversations need them: one code, one link code, a wait, a cap."""

from datetime import timedelta
from typing import Any

from bot.usecases import codes
from storage.database import Work

CODE, LINK = "123456", "K7Q2-9XMB"
BUSY = "+34600000000"  # a number for which no more codes are sent
MINUTES_15 = timedelta(minutes=15)


class FakeCodes:
    """Stands in the place of ``bot.usecases.codes``."""

    def __init__(self) -> None:
        self.open: dict[str, int] = {}  # address → conversation that asked; 0: shown, to be sent from there
        self.wrong = 0
        self.link_open = False
        self.account = 1

    TooManyCodes, Asked, Shown, Entered = codes.TooManyCodes, codes.Asked, codes.Shown, codes.Entered

    def ask(self, work: Work, terms: Any, *, account_id: int, channel: str, address: str, asked_in: int) -> codes.Asked:
        if address == BUSY:
            raise codes.TooManyCodes(timedelta(hours=3))
        if address in self.open:
            return codes.Asked(sent=False, wait=timedelta(seconds=45))
        self.open[address] = asked_in
        return codes.Asked(sent=True)

    def prove(self, work: Work, terms: Any, *, address: str, number: str, **_: Any) -> codes.Shown:
        self.open[address] = 0
        return codes.Shown(CODE, work.now + MINUTES_15, f"https://wa.me/{number[1:]}?text={CODE}")

    def enter(
        self, work: Work, terms: Any, *, channel: str, addresses: Any, digits: str, conversation_id: int
    ) -> codes.Entered:
        mine = [address for address, asked_in in self.open.items() if asked_in == conversation_id]
        if not mine:
            return codes.Entered("none")
        if self.wrong >= 5:
            return codes.Entered("expired")
        if digits != CODE:
            self.wrong += 1
            return codes.Entered("wrong")
        for address in mine:
            del self.open[address]
        return codes.Entered("verified", tuple(mine))

    def link(self, work: Work, terms: Any, *, account_id: int, conversation_id: int) -> codes.Shown:
        self.link_open, self.account = True, account_id
        return codes.Shown(LINK, work.now + MINUTES_15)

    def join(self, work: Work, terms: Any, *, channel: str, person: str, text: str) -> int | None:
        if not self.link_open or text != LINK:
            return None
        self.link_open = False
        return self.account

    def void(self, work: Work, terms: Any, *, text: str, **_: Any) -> bool:
        if text == CODE and self.open:
            self.open.clear()
            return True
        return text == LINK and self.link_open

"""Official accounts as the platform keeps and pages them; no I/O, so that thousands of histories can be tried."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]
PAGE = 20


def text(words: str) -> list[Body]:
    return [{"MsgType": "TIMTextElem", "MsgContent": {"Text": words}}]


class Refused(Exception):
    """With the platform's code."""

    def __init__(self, code: int, info: str) -> None:
        super().__init__(info)
        self.code = code


@dataclass(slots=True)
class Sent:
    seq: int
    time: int
    body: list[Body]
    visible_at: float
    place: int = 0

    @property
    def key(self) -> str:
        return f"{self.seq}_1_{self.time}"


@dataclass(slots=True, kw_only=True)
class Switches:
    """How an account misbehaves."""

    inclusive: bool = False  # the message of LastMsgKey is given, too
    descending: bool = False
    hollow_while_late: bool = False  # what is not there yet shows as a placeholder, else not at all
    says_2_at_the_start: bool = False  # though nothing has expired
    omits_recalled: bool = False  # even when they are asked for
    cut_newest: bool = False  # what does not fit is missing at that end
    budget: int = 0  # bytes of messages that fit; 0: all
    cut: Callable[[list[Sent]], list[Sent]] | None = None  # instead of the budget


@dataclass(slots=True)
class Account:
    """One official account.  Times are Unix seconds."""

    id: str = "@TOA#_news"
    name: str = "News"
    switches: Switches = field(default_factory=Switches)
    messages: list[Sent] = field(default_factory=list)
    seq: int = 0
    expired: bool = False  # something was there before the first that is left
    dissolved: bool = False

    def send(self, now: float, body: list[Body] | str = "hello", late: float = 0) -> Sent:
        """``late``: seconds until it shows."""
        self.seq += 1
        content = text(f"{body} {self.seq}") if isinstance(body, str) else body
        self.messages.append(Sent(self.seq, int(now), content, now + late))
        return self.messages[-1]

    def skip(self, numbers: int) -> None:
        """Numbers that no message ever gets."""
        self.seq += numbers

    def recall(self, seq: int) -> None:
        self._of(seq).place = 2

    def delete(self, seq: int) -> None:
        self._of(seq).place = 1

    def expire(self, up_to: int) -> None:
        """Those up to a number are no longer kept."""
        self.expired = self.expired or any(one.seq <= up_to for one in self.messages)
        self.messages = [one for one in self.messages if one.seq > up_to]

    def make_anew(self) -> None:
        """Dissolved, and created under the same id."""
        self.messages, self.seq, self.expired = [], 0, False

    def _of(self, seq: int) -> Sent:
        return next(one for one in self.messages if one.seq == seq)

    # --- Pulling ---

    def pull(self, request: Body, now: float) -> Body:
        """The members of a reply beside the envelope.  Raises Refused."""
        wish = request.get("ReqMsgNumber", PAGE)
        if not isinstance(wish, int) or wish < 1:
            raise Refused(10004, "ReqMsgNumber is not valid")
        key = request.get("LastMsgKey", "")
        older = self._older(key, request.get("WithRecalledMsg") == 1, now)
        asked = older[-min(wish, PAGE) :]
        given = self._fitting(asked)
        finished = 1
        if len(given) < len(asked) or (wish > PAGE and len(older) > PAGE):
            finished = 0
        elif len(asked) == len(older) and (self.expired or self.switches.says_2_at_the_start):
            finished = 2
        shown = [self._shown(one, now) for one in given]
        reply: Body = {"Official_Account": self.id, "IsFinished": finished, "RspMsgList": shown}
        if given:
            reply["LastMsgKey"] = given[0].key
        if self.switches.descending:
            shown.reverse()
        return reply

    def _older(self, key: str, with_recalled: bool, now: float) -> list[Sent]:
        before = _number(key) if key else self.seq + 1
        how = self.switches
        before += bool(key) and how.inclusive
        hide = how.omits_recalled or not with_recalled
        return [
            one
            for one in self.messages
            if one.seq < before and (one.visible_at <= now or how.hollow_while_late) and not (one.place == 2 and hide)
        ]

    def _fitting(self, asked: list[Sent]) -> list[Sent]:
        how = self.switches
        if how.cut:
            return how.cut(asked)
        if not how.budget:
            return asked
        fitting: list[Sent] = []
        room = how.budget
        for one in asked if how.cut_newest else reversed(asked):
            room -= len(json.dumps(one.body))
            if room < 0 and fitting:
                break
            fitting.append(one)
        return sorted(fitting, key=lambda one: one.seq)

    def _shown(self, one: Sent, now: float) -> Body:
        hollow = one.place == 1 or one.visible_at > now
        return {
            "From_Account": "144115197276518801",
            "IsPlaceMsg": 1 if hollow else one.place,
            "MsgBody": [] if hollow else one.body,
            "MsgSeq": one.seq,
            "MsgKey": one.key,
            "MsgTimeStamp": one.time,
        }


def _number(key: str) -> int:
    first, _, rest = str(key).partition("_")
    if not first.isdecimal() or not rest:
        raise Refused(10004, "LastMsgKey is not valid")
    return int(first)

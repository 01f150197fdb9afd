"""How far an account's history was read, and how it is read on: nothing missed, nothing twice, in order.

The platform walks from new to old only, a follower wants old to new (sources-wechat.md A4.3).  So a poll walks back
from the newest message until it meets the high-water mark, the last message that is dealt with; only then the mark
moves, over what was met, upwards.  No I/O here: ``poll`` gives requests out and is sent the replies.

Messages are large and a walk may be long, so of an unfinished one no messages are kept, only where each page began:
its anchors.  The page that meets the mark is dealt with, its anchor dropped, and the page above it comes next, read
once more where it was read by an earlier poll.  That is as exact as keeping the messages would be, for anchors are
absolute positions, and each page is joined to the one below it by the same rule by which that one was joined to the
mark.  A walk within one poll asks for nothing twice.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from adapters.sources.tencent.replies import HOLLOW, NORMAL, RECALLED, Message, Reply

PAGE: Final = 20  # messages; more are never given
PAGES_A_POLL: Final = 5
POSTS_A_POLL: Final = 50  # what is stored at once of one poll
FURTHEST_BEHIND: Final = 2_000  # messages of a walk; what is older is given up
RESCAN_SECONDS: Final = 3_600  # between two looks for what was recalled later
RESCANNED: Final = 100  # messages
PAGES_A_RESCAN: Final = 20
RECALLS_KEPT: Final = 500


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """Messages that were there and will never come."""

    first: int  # their numbers
    last: int
    at: int  # Unix seconds, when it was noticed
    expired: bool  # else it was too far behind


class Anchor(msgspec.Struct, frozen=True, array_like=True):
    """What lies before this message is asked for.  ``key`` empty: the newest."""

    seq: int
    key: str


NEWEST: Final = Anchor(0, "")


class Floor(msgspec.Struct, frozen=True, array_like=True):
    """During a walk: all below this message is dealt with, as far as it was there at that time."""

    seq: int
    at: int  # Unix seconds, server's clock


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept between polls.  Times in Unix seconds by the server's clock."""

    mark: int | None = None  # the high-water mark; None: never read
    mark_time: int = 0  # of that message
    since: int = 0  # the account was made anew: what is not younger belongs to the former one
    walk: tuple[Anchor, ...] = ()  # of an unfinished walk, the oldest page last
    walked: int = 0  # messages met by it
    floor: Floor | None = None
    recalled: tuple[str, ...] = ()  # keys of messages known as such, oldest knowledge first
    scanned: int = 0  # when the newest hundred were last looked at
    gap: Gap | None = None  # the last one


@dataclass(frozen=True, slots=True)
class Request:
    """Pull so many messages that are older than the key's; empty: the newest."""

    before: str
    number: int


@dataclass(frozen=True, slots=True)
class PageRead:
    """Messages in their order, and what was said of them."""

    messages: Sequence[Message]
    finished: int
    at: int


Asking = Generator[Request, Reply, PageRead]


class Withheld(Exception):
    """The platform says that there are older messages and gives none, however few are asked for."""


class History:
    """One poll.  ``posts`` and ``recalls`` are to be stored together with ``state()``, at any point of it."""

    GRACE = 30  # seconds in which a hole or a hollow message may still fill

    def __init__(self, state: State, now: int) -> None:
        """``now``: Unix seconds; it only says when to look for recalls and dates gaps."""
        self.posts: list[Message] = []  # oldest first
        self.recalls: list[str] = []  # keys of messages that were taken back after they were dealt with
        self._before, self._now = state, now
        self._mark, self._mark_time, self._since = state.mark, state.mark_time, state.since
        self._walk, self._walked, self._floor = list(state.walk), state.walked, state.floor
        self._recalled = dict.fromkeys(state.recalled)
        self._scanned, self._gap = state.scanned, state.gap
        self._pages = 0
        self._newest_cut = False  # perhaps at its newest end
        self._at_hand: dict[Anchor, PageRead] = {}  # read by this poll and not dealt with yet

    def state(self) -> State:
        return State(
            mark=self._mark,
            mark_time=self._mark_time,
            since=self._since,
            walk=tuple(self._walk),
            walked=self._walked if self._walk else 0,
            floor=self._floor if self._walk else None,
            recalled=tuple(self._recalled)[-RECALLS_KEPT:],
            scanned=self._scanned,
            gap=self._gap,
        )

    @property
    def moved(self) -> bool:
        """Something came of this poll that is worth storing, though it ended early."""
        return bool(self.posts or self.recalls) or tuple(self._walk) != self._before.walk

    @property
    def more(self) -> bool:
        """There is more to read at once."""
        return bool(self._walk) or (self._newest_cut and bool(self.posts))

    def forget_walk(self) -> bool:
        """The platform does not know an anchor of an earlier poll: the walk begins anew.  False: there was none."""
        self._walk.clear()
        return bool(self._before.walk)

    def poll(self) -> Generator[Request, Reply, None]:
        """Raises Withheld."""
        if self._walk:
            yield from self._go_on()
            return
        newest = yield from self._read(NEWEST)
        if self._mark is None:
            self._baseline(newest)
            return
        self._begin(newest)
        yield from self._go_on()
        if not self._walk and self._now - self._scanned >= RESCAN_SECONDS:
            yield from self._rescan(newest)

    # --- The newest page ---

    def _baseline(self, page: PageRead) -> None:
        """The first poll takes what the newest page holds, and nothing before it."""
        self._mark = page.messages[0].seq - 1 if page.messages else 0
        self._scanned = self._now
        self._deal_with(page)

    def _begin(self, page: PageRead) -> None:
        """Walk, if there is something new."""
        messages = page.messages
        assert self._mark is not None
        if messages and messages[-1].seq < self._mark and messages[-1].time > self._mark_time:
            self._start_epoch()
        self._look_for_epoch(messages)
        self._retract(messages)
        if messages and messages[-1].seq > self._mark:
            self._walk, self._walked, self._floor = [NEWEST], 0, None
            self._at_hand[NEWEST] = page

    def _look_for_epoch(self, messages: Sequence[Message]) -> None:
        """Nothing below the mark can be younger than it, unless the account was made anew and counts from 1 again.

        An older newest message alone is a replica that lags, or expiry.
        """
        mark, latest = self._mark or 0, self._mark_time + self.GRACE
        if any(one.seq <= mark and one.place == NORMAL and one.time > latest for one in messages):
            self._start_epoch()

    def _start_epoch(self) -> None:
        self._since, self._mark, self._mark_time, self._floor = self._mark_time, 0, 0, None

    # --- The walk ---

    def _go_on(self) -> Generator[Request, Reply, None]:
        while self._walk:
            anchor = self._walk[-1]
            page = self._at_hand.pop(anchor, None)
            if self.posts and len(self.posts) + (len(page.messages) if page else PAGE) > POSTS_A_POLL:
                return
            if page is None:
                if self._pages >= PAGES_A_POLL:
                    return
                page = yield from self._read(anchor)
                self._look_for_epoch(page.messages)
            if not self._joins(page):
                self._at_hand[anchor] = page
                self._walked += len(page.messages)
                self._walk.append(Anchor(page.messages[0].seq, page.messages[0].key))
                continue
            if not self._deal_with(page):
                self._walk.clear()
                return
            self._walk.pop()
            self._floor = Floor(anchor.seq, page.at)

    def _joins(self, page: PageRead) -> bool:
        """Whether nothing is left between what is dealt with and this page."""
        assert self._mark is not None
        if not page.messages:  # nothing older
            return True
        oldest = page.messages[0]
        if oldest.seq <= max(self._mark, 1) or (self._floor and oldest.seq <= self._floor.seq):
            return True  # the next after the mark is not enough: below it a new epoch might show
        expired = self._is_end(page)
        if not expired and (self._floor or self._walked + len(page.messages) < FURTHEST_BEHIND):
            return False
        if 0 < self._mark < oldest.seq - 1:  # of what was before the first, nobody ever saw anything
            self._gap = Gap(self._mark + 1, oldest.seq - 1, self._now, expired)
        return True

    def _is_end(self, page: PageRead) -> bool:
        """1 is no end of history: it says that all of what was asked for was given."""
        return page.finished == 2

    def _deal_with(self, page: PageRead) -> bool:
        """Move the mark over a page, upwards.  False: it stopped at a hole or a hollow that may still fill."""
        assert self._mark is not None
        looked = page.at
        fresh = [one for one in page.messages if one.seq > self._mark]
        if self._floor and page.messages and page.messages[0].seq > self._mark + 1:
            looked = min(looked, self._floor.at)  # for a hole beneath the page: it is the page below that shows it
        for one in fresh:
            hole = one.seq > self._mark + 1
            age = (looked if hole else page.at) - one.time
            if (hole or one.place == HOLLOW) and age < self.GRACE:
                return False
            self._pass(one)
            looked = page.at
        return True

    def _pass(self, message: Message) -> None:
        if message.place == RECALLED:
            self._recalled[message.key] = None
        elif message.place != HOLLOW and message.time > self._since:
            self.posts.append(message)
        self._mark, self._mark_time = message.seq, max(self._mark_time, message.time)

    # --- Recalls ---

    def _retract(self, messages: Sequence[Message]) -> None:
        for one in messages:
            if one.place == RECALLED and one.seq <= (self._mark or 0) and one.key not in self._recalled:
                self._recalled[one.key] = None
                self.recalls.append(one.key)

    def _rescan(self, page: PageRead) -> Generator[Request, Reply, None]:
        """A message can be recalled as long as it is kept, so the newest hundred are looked at now and then."""
        looked = len(page.messages)
        while page.messages and looked < RESCANNED and self._pages < PAGES_A_RESCAN and not self._is_end(page):
            oldest = page.messages[0]
            page = yield from self._read(Anchor(oldest.seq, oldest.key))
            self._retract(page.messages)
            looked += len(page.messages)
        self._scanned = self._now

    # --- One page ---

    def _read(self, anchor: Anchor) -> Asking:
        """The page before an anchor, with its newest end: what was cut off there is asked for again, less at a time.

        Where the oldest end is cut off nothing is needed, for the walk goes on from there.
        """
        self._pages += 1
        number, least = PAGE, 1
        while True:
            reply = yield Request(anchor.key, number)
            page = self._page(reply, anchor)
            if anchor.key and any(one.seq == anchor.seq for one in reply.messages):
                least = 2  # the anchor itself is given, too
            if number > least and self._is_cut(page, anchor):
                number = max(least, number // 2) if anchor.key else 1
            elif number < least:
                number = least
            else:
                break
        if not page.messages and page.finished == 0 and (anchor.key or self._mark):
            raise Withheld
        if not anchor.key:
            self._newest_cut = page.finished == 0
        return page

    def _is_cut(self, page: PageRead, anchor: Anchor) -> bool:
        """Whether the newest end may be missing.  Of the newest page only the mark can tell."""
        if page.finished != 0:
            return False
        if not page.messages:
            return True
        newest = page.messages[-1].seq
        return newest < anchor.seq - 1 if anchor.key else self._mark is None or newest <= self._mark

    def _page(self, reply: Reply, anchor: Anchor) -> PageRead:
        """Neither order nor whether the anchor is given, too, is promised.  At most a page, its newest end."""
        by_seq: dict[int, Message] = {}
        for one in reply.messages:
            if not anchor.key or one.seq < anchor.seq:
                by_seq.setdefault(one.seq, one)
        return PageRead([by_seq[seq] for seq in sorted(by_seq)][-PAGE:], reply.finished, reply.at)

"""A life of an official account and of who follows it: everything that is known to go wrong, in any order.

The reader is the source's own, over the stand-in's own paging; only the network is missing.
"""

import random
from dataclasses import dataclass, field

import msgspec

from adapters.sources.tencent import history, replies
from adapters.sources.tencent.history import History, State
from tests.fakes.tencent.model import Account, Sent, Switches

START = 1_700_000_000
LATEST = 25  # seconds after which every message shows: less than the reader's grace
LARGEST_CURSOR = 256 * 1024


@dataclass(slots=True)
class Trouble:
    """What may go wrong in this life."""

    cuts: str = ""  # the end of a page at which messages may be missing: "oldest", "newest"
    late: bool = False
    gaps: bool = False  # numbers that no message has
    recalls: bool = False
    deletions: bool = False
    failures: bool = False  # requests fail, the reader dies
    epochs: bool = False  # the account is made anew
    switches: Switches = field(default_factory=Switches)


def any_trouble(chance: random.Random) -> Trouble:
    inclusive, descending, hollow, says_2, late, gaps, recalls, deletions, failures = (
        chance.random() < 0.5 for _ in range(9)
    )
    return Trouble(
        chance.choice(["", "oldest", "newest"]),
        late=late,
        gaps=gaps,
        recalls=recalls,
        deletions=deletions,
        failures=failures,
        epochs=chance.random() < 0.3,
        switches=Switches(
            inclusive=inclusive, descending=descending, hollow_while_late=hollow, says_2_at_the_start=says_2
        ),
    )


class Died(Exception):
    """The reader, before anything was stored."""


class Life:
    """``live()``, then ``faults()`` says what the follower missed, got twice or got in the wrong order."""

    def __init__(self, seed: int, trouble: Trouble | None = None, reader: type[History] = History) -> None:
        self.chance = random.Random(seed)
        self.trouble = trouble or any_trouble(self.chance)
        self.reader = reader
        self.now = float(START)
        self.account = Account(switches=self.trouble.switches)
        self.cursor = "{}"
        self.got: list[str] = []  # keys, in their order
        self.taken_back: list[str] = []
        self._sent: dict[str, None] = {}  # keys of all, in their order
        self.owed: dict[str, Sent] = {}  # what must arrive, in its order
        self.recalled: set[str] = set()  # after it had been got
        self._over = False
        if self.trouble.cuts:
            self.account.switches.cut = self._cut

    def live(self, steps: int = 40) -> "Life":
        for _ in range(self.chance.randrange(30)):
            self._send()
        self._poll_until_read()
        self.owed.clear()
        for _ in range(steps):
            self._happen()
        self._settle()
        return self

    def faults(self) -> list[str]:
        """Empty, if all is well."""
        found = [f"{key} was missed" for key in self.owed if key not in self.got]
        found += [f"{key} came twice" for key in {key for key in self.got if self.got.count(key) > 1}]
        newest = {one.key for one in self.account.messages[-history.RESCANNED :]}
        order = {key: place for place, key in enumerate(self._sent)}
        places = [order[key] for key in self.got]
        found += ["the order is wrong"] if places != sorted(places) else []
        found += [f"{key} was not taken back" for key in self.recalled & newest - set(self.taken_back)]
        found += [f"{key} was taken back twice" for key in self.taken_back if self.taken_back.count(key) > 1]
        return found

    # --- What happens ---

    def _happen(self) -> None:
        what = self.chance.random()
        if what < 0.45:
            self._poll()
        elif what < 0.7:
            for _ in range(self.chance.choice([1, 1, 2, 5, 30])):
                self._send()
        elif what < 0.9:
            self.now += self.chance.choice([1, 3, 10, 40, 90])
        elif what < 0.95:
            self._recall_or_delete()
        elif what < 0.97 and self.trouble.epochs:
            self._make_anew()
        elif what < 0.98:
            for _ in range(self.chance.choice([150, 300])):
                self._send()
        else:
            self.now += 4_000

    def _send(self) -> None:
        if self.trouble.gaps and self.chance.random() < 0.2:
            self.account.skip(self.chance.choice([1, 1, 3, 40]))
        self.now += self.chance.choice([0, 0, 0, 0.4, 2])
        late = self.chance.uniform(0, LATEST) if self._is_late() else 0
        sent = self.account.send(self.now, [], late)
        self._sent[sent.key] = None
        self.owed[sent.key] = sent

    def _is_late(self) -> bool:
        """Not the first: what replaces an epoch unseen, number by number, nobody can tell from it."""
        return self.trouble.late and self.account.seq > 0 and self.chance.random() < 0.3

    def _recall_or_delete(self) -> None:
        """One of those that the reader looks at again."""
        shown = [one for one in self.account.messages[-60:] if one.visible_at <= self.now and one.place == 0]
        if not shown:
            return
        one = self.chance.choice(shown)
        if self.trouble.recalls:
            self.account.recall(one.seq)
            self.owed.pop(one.key, None)
            if one.key in self.got:
                self.recalled.add(one.key)
        elif self.trouble.deletions:
            self.account.delete(one.seq)
            self.owed.pop(one.key, None)

    def _make_anew(self) -> None:
        """What was not read is gone; the name is not free again at once."""
        for one in self.account.messages:
            if one.key not in self.got:
                self.owed.pop(one.key, None)
        self.recalled &= set(self.taken_back)
        self.account.make_anew()
        self.now += 31

    def _cut(self, asked: list[Sent]) -> list[Sent]:
        if len(asked) < 2 or self.chance.random() < 0.5:
            return asked
        left = self.chance.randrange(1, len(asked))
        return asked[:left] if self.trouble.cuts == "newest" else asked[-left:]

    # --- The reader ---

    def _poll(self) -> bool:
        """One poll, if it does not fail; whether more is to be read at once."""
        reader = self.reader(msgspec.json.decode(self.cursor, type=State), int(self.now))
        try:
            self._ask(reader)
        except Died:
            return True
        except history.Withheld:
            if not reader.moved:
                return True
        self.got += [one.key for one in reader.posts]
        self.taken_back += reader.recalls
        self.cursor = msgspec.json.encode(reader.state()).decode()
        assert len(self.cursor) < LARGEST_CURSOR
        return reader.more

    def _ask(self, reader: History) -> None:
        asking = reader.poll()
        try:
            request = next(asking)
            while True:
                self._meanwhile(reader)
                wish = {"LastMsgKey": request.before, "ReqMsgNumber": request.number, "WithRecalledMsg": 1}
                document = self.account.pull(wish, self.now)
                request = asking.send(replies.read(document, int(self.now)))
        except StopIteration:
            return

    def _meanwhile(self, reader: History) -> None:
        """The world goes on while a request is on its way."""
        if self._over:
            return
        if self.chance.random() < 0.1:
            self._send()
        self.now += self.chance.choice([0, 0, 0.2, 3])
        if self.trouble.failures and self.chance.random() < 0.1:
            if reader.moved and self.chance.random() < 0.5:
                raise history.Withheld
            raise Died

    def _poll_until_read(self) -> None:
        for _ in range(300):
            if not self._poll():
                return
        raise AssertionError("it never ends")

    def _settle(self) -> None:
        """Nothing more happens, but the reader goes on, and looks for recalls."""
        self._over = True
        for wait in (LATEST + 31, 40, 3_700, 3_700):
            self.now += wait
            self._poll_until_read()

"""Whoever follows an account misses nothing and gets nothing twice, whatever goes wrong; and each guard is needed."""

from collections.abc import Sequence

import msgspec
import pytest

from adapters.sources.tencent import history, replies
from adapters.sources.tencent.history import Anchor, Gap, History, PageRead, State
from adapters.sources.tencent.replies import Message
from tests.adapters.sources.tencent.simulation import START, Life, Trouble
from tests.counts import count
from tests.fakes.tencent.model import Account, Switches


def test_nothing_is_missed_doubled_or_out_of_order_in_any_life_of_an_account() -> None:
    faults = {seed: found for seed in range(count(60, 3_000)) if (found := Life(seed).live().faults())}
    assert faults == {}


class WithoutAskingForLess(History):
    def _is_cut(self, page: PageRead, anchor: Anchor) -> bool:
        return False


class TakesOneForTheEnd(History):
    def _is_end(self, page: PageRead) -> bool:
        return page.finished in (1, 2)


class WithoutGrace(History):
    GRACE = 0


class MovesBeforeJoining(History):
    def _joins(self, page: PageRead) -> bool:
        return True


class KnowsNoEpochs(History):
    def _start_epoch(self) -> None:
        pass


@pytest.mark.parametrize(
    ("reader", "trouble"),
    [
        (WithoutAskingForLess, Trouble(cuts="newest")),
        (TakesOneForTheEnd, Trouble()),
        (WithoutGrace, Trouble(late=True)),
        (WithoutGrace, Trouble(late=True, switches=Switches(hollow_while_late=True))),
        (MovesBeforeJoining, Trouble()),
        (KnowsNoEpochs, Trouble(epochs=True)),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_each_guard_is_needed(reader: type[History], trouble: Trouble) -> None:
    lives = range(8)
    assert [seed for seed in lives if Life(seed, trouble).live().faults()] == []
    assert [seed for seed in lives if Life(seed, trouble, reader).live().faults()]


# One poll at a time


class Follower:
    """Polls an account, and keeps what a gateway would store."""

    def __init__(self, account: Account, now: float = START) -> None:
        self.account, self.now = account, now
        self.state = State()
        self.got: list[int] = []
        self.pulls = 0
        self.more = False

    def poll(self) -> list[int]:
        """The numbers of what came."""
        reader = History(self.state, int(self.now))
        asking = reader.poll()
        reply = None
        try:
            while True:
                request = next(asking) if reply is None else asking.send(reply)
                wish = {"LastMsgKey": request.before, "ReqMsgNumber": request.number, "WithRecalledMsg": 1}
                reply = replies.read(self.account.pull(wish, self.now), int(self.now))
                self.pulls += 1
        except StopIteration:
            pass
        cursor = msgspec.json.encode(reader.state())
        assert len(cursor) < 256 * 1024
        self.state, self.more = msgspec.json.decode(cursor, type=State), reader.more
        self.recalls = reader.recalls
        self.got += (found := [one.seq for one in reader.posts])
        return found

    def poll_all(self) -> list[int]:
        found = self.poll()
        while self.more:
            found += self.poll()
        return found


@pytest.fixture
def account() -> Account:
    return Account()


def started(account: Account, messages: int = 3) -> Follower:
    """It follows the account, which has some old messages."""
    for _ in range(messages):
        account.send(START - 1_000)
    follower = Follower(account)
    follower.poll()
    follower.pulls = 0
    return follower


def send(account: Account, messages: int, at: float = START - 100) -> None:
    for _ in range(messages):
        account.send(at)


def test_the_first_poll_takes_the_newest_page_and_nothing_before_it(account: Account) -> None:
    follower = started(account, 50)
    assert follower.got == list(range(31, 51))
    assert not follower.more
    assert follower.poll() == []


def test_an_account_without_messages_is_followed_from_its_first(account: Account) -> None:
    follower = started(account, 0)
    send(account, 2)
    assert follower.poll() == [1, 2]


def test_who_has_nothing_new_is_asked_once(account: Account) -> None:
    follower = started(account)
    follower.poll()
    assert follower.pulls == 1


@pytest.mark.parametrize(("new", "pulls"), [(1, 1), (19, 1), (20, 2), (50, 3), (99, 8), (400, 43)])
def test_what_is_met_in_one_poll_is_asked_for_once_and_in_several_twice_at_most(
    account: Account, new: int, pulls: int
) -> None:
    follower = started(account)
    send(account, new)
    assert follower.poll_all() == list(range(4, 4 + new))
    assert follower.pulls <= pulls


def test_a_long_walk_is_kept_small_and_told_in_portions(account: Account) -> None:
    follower = started(account)
    send(account, 1_500)
    sizes: list[int] = []
    while not sizes or follower.more:
        sizes.append(len(follower.poll()))
        assert len(msgspec.json.encode(follower.state)) < 8_192
    assert follower.got[3:] == list(range(4, 1_504))
    assert max(sizes) <= history.POSTS_A_POLL


def test_a_walk_of_single_messages_is_as_exact(account: Account) -> None:
    follower = started(account)
    account.switches.budget = 1
    send(account, 150)
    assert follower.poll_all() == list(range(4, 154))


def test_the_longest_walk_of_single_messages_with_the_longest_keys_fits_into_a_cursor() -> None:
    key = "9" * 64
    walk = tuple(Anchor(replies.MAX_SEQ - n, key) for n in range(history.FURTHEST_BEHIND))
    state = State(mark=1, walk=walk, floor=history.Floor(2, START), recalled=(key,) * history.RECALLS_KEPT)
    assert len(msgspec.json.encode(state)) < 256 * 1024


def test_pages_that_fit_less_on_the_way_up_are_no_gap(account: Account) -> None:
    follower = started(account)
    send(account, history.FURTHEST_BEHIND - 20)
    follower.poll()
    while follower.state.floor is None:
        follower.poll()
    account.switches.budget = 400
    assert follower.poll_all()
    assert follower.got == list(range(1, history.FURTHEST_BEHIND - 16))
    assert follower.state.gap is None


def test_who_is_too_far_behind_gets_what_is_newest_and_is_told_of_the_gap(account: Account) -> None:
    follower = started(account)
    send(account, 3_000)
    assert follower.poll_all() == list(range(1_004, 3_004))
    assert follower.state.gap == Gap(4, 1_003, START, expired=False)


def test_what_expired_before_it_was_read_is_a_gap(account: Account) -> None:
    follower = started(account)
    send(account, 30)
    account.expire(20)
    assert follower.poll() == list(range(21, 34))
    assert follower.state.gap == Gap(4, 20, START, expired=True)
    account.expire(33)
    assert follower.poll() == []


def test_a_new_end_of_history_without_a_gap_is_none(account: Account) -> None:
    account.switches.says_2_at_the_start = True
    follower = started(account)
    send(account, 5)
    assert follower.poll() == [4, 5, 6, 7, 8]
    assert follower.state.gap is None


def test_a_hole_and_a_hollow_message_are_waited_for_thirty_seconds(account: Account) -> None:
    follower = started(account)
    account.send(START)
    account.skip(1)
    account.send(START)
    assert follower.poll() == [4]
    follower.now += 29
    assert follower.poll() == []
    follower.now += 1
    assert follower.poll() == [6]
    account.delete(account.send(follower.now).seq)
    account.send(follower.now)
    assert follower.poll() == []
    follower.now += 30
    assert follower.poll() == [8]


def test_a_message_recalled_before_it_was_seen_is_never_told(account: Account) -> None:
    follower = started(account)
    send(account, 2)
    account.recall(4)
    assert follower.poll() == [5]
    assert follower.recalls == []
    assert follower.poll() == []
    assert follower.recalls == []


def test_a_recall_is_seen_at_once_in_the_newest_page_and_within_the_hour_before_it(account: Account) -> None:
    follower = started(account, 2)
    send(account, 90)
    follower.poll_all()
    account.recall(92)
    account.recall(5)
    follower.poll()
    assert follower.recalls == ["92_1_1699999900"]
    follower.poll()
    assert follower.recalls == []
    follower.now += 3_600
    follower.poll()
    assert follower.recalls == ["5_1_1699999900"]
    follower.now += 3_600
    follower.poll()
    assert follower.recalls == []


def test_an_account_made_anew_is_followed_from_its_first_message(account: Account) -> None:
    follower = started(account, 30)
    account.make_anew()
    follower.now += 60
    assert follower.poll() == []
    send(account, 3, follower.now)
    assert follower.poll() == [1, 2, 3]
    send(account, 40, follower.now)
    assert follower.poll_all() == list(range(4, 44))


def test_an_account_made_anew_that_has_more_messages_by_then_is_noticed(account: Account) -> None:
    follower = started(account, 30)
    account.make_anew()
    follower.now += 60
    send(account, 70, follower.now)
    assert follower.poll_all() == list(range(1, 71))


def test_a_replica_that_lags_changes_nothing(account: Account) -> None:
    follower = started(account)
    newest = account.messages.pop()
    assert follower.poll() == []
    account.messages.append(newest)
    send(account, 1)
    assert follower.poll() == [4]


def test_a_newest_page_that_is_cut_off_is_asked_for_again(account: Account) -> None:
    account.switches.cut_newest, account.switches.budget = True, 1
    follower = started(account, 4)
    assert follower.got == [4]
    send(account, 3)
    assert follower.poll_all() == [5, 6, 7]


def test_a_page_that_is_withheld_is_no_end(account: Account) -> None:
    follower = started(account)
    send(account, 30)
    account.switches.cut = lambda asked: asked if asked[-1].seq == 33 else []
    with pytest.raises(history.Withheld):
        follower.poll()
    account.switches.cut = None
    assert follower.poll_all() == list(range(4, 34))


def test_an_anchor_that_is_not_known_any_more_is_forgotten(account: Account) -> None:
    follower = started(account)
    send(account, 300)
    follower.poll()
    assert follower.state.walk
    reader = History(follower.state, START)
    next(reader.poll())
    assert reader.forget_walk()
    follower.state = reader.state()
    assert follower.poll_all() == list(range(4, 304))
    assert not History(follower.state, START).forget_walk()


# What replies look like


def read(*rows: object, **members: object) -> Sequence[Message]:
    return replies.read({"RspMsgList": list(rows), **members}, START).messages


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"MsgSeq": 71, "MsgKey": "71_1_1698741698"}, (71, "71_1_1698741698", 1698741698)),
        ({"MsgSeq": "71", "MsgKey": "71_1_1698741698"}, (71, "71_1_1698741698", 1698741698)),
        ({"MsgKey": "71_1_1698741698"}, (71, "71_1_1698741698", 1698741698)),
        ({"MsgSeq": 71, "MsgTimeStamp": 5}, (71, "71_1_5", 5)),
        ({"MsgSeq": 71, "MsgKey": "x y", "MsgTimeStamp": "5"}, (71, "71_1_5", 5)),
        ({"MsgSeq": 71, "MsgKey": "opaque", "MsgTimeStamp": 5.0}, (71, "opaque", 5)),
    ],
)
def test_a_message_is_known_by_what_is_there(row: object, expected: tuple[int, str, int]) -> None:
    (one,) = read(row)
    assert (one.seq, one.key, one.time) == expected


@pytest.mark.parametrize(
    "row",
    [
        None, 7, "x", [], {}, {"MsgSeq": 0}, {"MsgSeq": -4}, {"MsgSeq": 2**60}, {"MsgSeq": "9" * 400},
        {"MsgSeq": 1, "MsgTimeStamp": 10**15}, {"MsgSeq": float("nan")}, {"MsgKey": "a" * 10_000},
    ],
)  # fmt: skip
def test_what_cannot_be_a_message_is_left_out(row: object) -> None:
    assert read(row) == ()


def test_a_reply_without_a_list_holds_nothing() -> None:
    assert replies.read({"RspMsgList": {"a": 1}, "IsFinished": "2"}, START).finished == 2
    assert replies.read({}, START).messages == ()

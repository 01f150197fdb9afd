"""News of messages: in whatever order and however often it comes, the same is known in the end."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.receipts import WORDS, Fate, after
from tests.clock import START

AT = {word: START + timedelta(seconds=n) for n, word in enumerate(WORDS)}


def told(*words: str, state: str = "sent") -> Fate:
    fate = Fate(state)
    for word in words:
        fate = after(fate, word, AT.get(word, START), *(("131000", "no luck") if word == "failed" else ()))
    return fate


@pytest.mark.parametrize(
    ("words", "state"),
    [
        (("sent",), "sent"),
        (("delivered",), "delivered"),
        (("read", "delivered", "sent"), "read"),
        (("failed",), "failed"),
        (("sent", "failed"), "failed"),
        (("failed", "sent"), "failed"),
        (("failed", "delivered"), "delivered"),  # proof beats claim
        (("delivered", "failed"), "delivered"),
        (("failed", "read"), "read"),
        (("played",), "sent"),
        ((), "sent"),
    ],
)
def test_the_highest_rank_wins(words: tuple[str, ...], state: str) -> None:
    assert told(*words).state == state


@pytest.mark.parametrize("state", ["ready", "waiting", "leased", "held"])
def test_news_of_what_is_queued_proves_that_it_was_sent(state: str) -> None:
    assert told("sent", state=state).state == "sent"
    assert told("failed", state=state).state == "failed"


def test_a_failure_says_why_until_it_is_disproved() -> None:
    assert (told("failed").error_code, told("failed").error) == ("131000", "no luck")
    assert (told("failed", "read").error_code, told("failed", "read").error) == ("", "")


def test_the_time_of_each_word_is_kept_from_its_first_coming() -> None:
    fate = told("read", "sent", "delivered")
    assert (fate.sent_at, fate.delivered_at, fate.read_at) == (AT["sent"], AT["delivered"], AT["read"])
    assert after(fate, "read", START + timedelta(days=1)) == fate


@given(st.lists(st.sampled_from([*WORDS, "played", "deleted"]), max_size=8), st.randoms())
def test_any_order_and_any_repetition_come_to_the_same(words: list[str], random: object) -> None:
    shuffled = [*words, *words]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert told(*shuffled) == told(*words)


def test_all_orders_of_all_words_come_to_the_same() -> None:
    assert len({told(*order) for order in permutations(WORDS)}) == 1

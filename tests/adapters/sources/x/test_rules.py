"""The stream's rules follow who is followed, and lines come out whole (sources-x.md 7.2 and 7.3)."""

import json

import pytest

from adapters.sources.x.lines import LONGEST, Lines
from adapters.sources.x.rules import LENGTH, Rule, change, written

ACCOUNTS = [f"{10**9 + number}" for number in range(200)]


def applied(there: list[Rule], wanted: list[str], **how: int) -> list[Rule]:
    """The rules afterwards."""
    step = change(there, wanted, replies=True, **how)
    kept = [one for one in there if one.id not in step.delete]
    return [*kept, *(Rule(f"new{number}{len(kept)}", value) for number, value in enumerate(step.add))]


def named(rules: list[Rule]) -> list[str]:
    return sorted(one for rule in rules for one in ACCOUNTS if f"from:{one}" in rule.value)


def test_all_accounts_fit_in_few_rules() -> None:
    rules = applied([], ACCOUNTS)
    assert named(rules) == ACCOUNTS
    assert len(rules) == 4
    assert max(len(one.value) for one in rules) <= LENGTH


def test_rules_that_are_right_stay() -> None:
    rules = applied([], ACCOUNTS)
    step = change(rules, ACCOUNTS, replies=True)
    assert (step.add, step.delete) == ([], [])


def test_one_account_more_or_less_changes_one_rule() -> None:
    rules = applied([], ACCOUNTS[:-1])
    more = change(rules, ACCOUNTS, replies=True)
    assert (len(more.add), len(more.delete)) == (1, 1)
    assert named(applied(rules, ACCOUNTS)) == ACCOUNTS
    less = change(rules, ACCOUNTS[1:-1], replies=True)
    assert len(less.delete) <= 2
    assert named(applied(rules, ACCOUNTS[1:-1])) == ACCOUNTS[1:-1]


def test_a_full_rule_is_left_alone_and_another_one_made() -> None:
    fit = next(n for n in range(1, 200) if len(written(ACCOUNTS[: n + 1], replies=True)) > LENGTH)
    step = change([Rule("full", written(ACCOUNTS[:fit], replies=True))], ACCOUNTS[: fit + 1], replies=True)
    assert (step.add, step.delete) == ([written([ACCOUNTS[fit]], replies=True)], [])


@pytest.mark.parametrize(
    "value",
    ["", "nonsense", "from:1000000000", written(ACCOUNTS[:2], replies=False), written(["9"], replies=True)],
)
def test_what_is_written_otherwise_or_of_others_is_written_anew(value: str) -> None:
    rules = applied([Rule("odd", value)], ACCOUNTS[:2])
    assert [one.value for one in rules] == [written(ACCOUNTS[:2], replies=True)]


def test_an_account_in_two_rules_is_left_in_one() -> None:
    rules = [Rule("1", written(ACCOUNTS[:2], replies=True)), Rule("2", written(ACCOUNTS[1:3], replies=True))]
    assert named(applied(rules, ACCOUNTS[:3])) == ACCOUNTS[:3]


def test_no_more_rules_than_allowed() -> None:
    assert len(applied([], ACCOUNTS, most=2)) == 2


def test_nobody_followed_means_no_rules() -> None:
    assert applied(applied([], ACCOUNTS), []) == []


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_come_whole_wherever_pieces_were_cut(size: int) -> None:
    lines = [json.dumps({"text": "héllo 🚀"}, ensure_ascii=False).encode(), b"", b'{"a":1}']
    stream = b"".join(line + b"\r\n" for line in lines)
    cutter = Lines()
    found = [line for at in range(0, len(stream), size) for line in cutter.feed(stream[at : at + size])]
    assert [json.loads(one) for one in found] == [{"text": "héllo 🚀"}, {"a": 1}]


def test_a_line_without_an_end_takes_no_more_memory_than_allowed() -> None:
    cutter = Lines()
    for _ in range(5):
        assert cutter.feed(b"x" * LONGEST) == []
    assert cutter.feed(b'tail\n{"a":1}\n') == [b'{"a":1}']

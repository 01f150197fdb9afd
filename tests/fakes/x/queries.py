"""What searches and rules mean: the grammar of sources-x.md 6.1, as far as anybody here uses it."""

import re
from collections.abc import Callable

from tests.fakes.x.tricks import Failure
from tests.fakes.x.world import Tweet

Test = Callable[[Tweet], bool]

_TOKEN = re.compile(r"\s*(\(|\)|[^\s()]+)")


def compiled(query: str) -> Test:
    """Raises Failure for what the grammar does not allow."""
    tokens = _TOKEN.findall(query)
    test, rest = _any(tokens)
    if rest:
        raise _wrong(query, f"unexpected '{rest[0]}'")
    return test


def _any(tokens: list[str]) -> tuple[Test, list[str]]:
    """OR binds weaker than AND."""
    tests = []
    test, tokens = _all(tokens)
    tests.append(test)
    while tokens and tokens[0] == "OR":
        test, tokens = _all(tokens[1:])
        tests.append(test)
    return (lambda tweet: any(one(tweet) for one in tests)), tokens


def _all(tokens: list[str]) -> tuple[Test, list[str]]:
    tests = []
    while tokens and tokens[0] not in ("OR", ")"):
        if tokens[0] == "(":
            test, tokens = _any(tokens[1:])
            if not tokens or tokens[0] != ")":
                raise _wrong("", "a parenthesis is not closed")
            tokens = tokens[1:]
        else:
            test, tokens = _operator(tokens[0], tokens[1:]), tokens[1:]
        tests.append(test)
    if not tests:
        raise _wrong("", "an operand is missing")
    return (lambda tweet: all(one(tweet) for one in tests)), tokens


def _operator(word: str, following: list[str]) -> Test:
    if word == "-" and following[:1] == ["("]:
        raise _wrong(word, "a group may not be negated")
    if word.startswith("-"):
        inner = _operator(word[1:], following)
        return lambda tweet: not inner(tweet)
    name, _, value = word.partition(":")
    match name, value:
        case "from", _:
            wanted = value.lower()
            return lambda tweet: wanted in (tweet.author.username.lower(), str(tweet.author.id))
        case "is", "retweet":
            return lambda tweet: tweet.is_repost
        case "is", "reply":
            return lambda tweet: tweet.is_reply
        case "is", "quote":
            return lambda tweet: tweet.is_quote
        case "is", "nullcast":
            return lambda _: False
        case _:
            raise _wrong(word, f"no operator '{word}'")


def _wrong(query: str, what: str) -> Failure:
    message = f"There were errors processing your request: {what} (at position 1)"
    return Failure.invalid("query", query, message)

"""What X means when it does not give what was asked for (sources-x.md 9).  Values in, an error out."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from adapters.base import FeedFailed, FeedFault, FeedThrottled, FeedUnavailable, SourceError, SourceSuspended
from adapters.sources.formats.text import one_line
from adapters.sources.x.wire import Problem, problem

PERSON: Final = timedelta(hours=1)  # until it is tried again whether a person has acted
MONEY: Final = timedelta(minutes=30)
ONE_ACCOUNT: Final = frozenset(("not-authorized-for-resource", "disallowed-resource", "resource-unavailable"))
LONGEST: Final = 200  # characters of what X says


class BadRequest(FeedFailed):
    """X did not understand: asking again in the same way is no use."""


class TokenRefused(SourceSuspended):
    """A new one may help."""


class NotAllowed(SourceSuspended):
    """The app or its plan may not."""


def refusal(status: int, body: bytes, wait: timedelta, token: str) -> SourceError:
    """``wait``: what the headers ask for, if this is a matter of a window; ``token``: what must not be repeated."""
    told = problem(body)
    words = said(told.words, token)
    match status:
        case 400:
            return BadRequest(FeedFault.HTTP, f"X did not understand the request: {words}", status=status)
        case 401:
            return TokenRefused("X does not accept the token", PERSON)
        case 402:
            return SourceSuspended(f"X wants credits: {words}", MONEY)
        case 403 if told.kind in ONE_ACCOUNT:
            return FeedUnavailable(f"X does not show it: {words}")
        case 403:
            return NotAllowed(f"X does not allow it: {words or 'no reason given'}", PERSON)
        case 404 if told.title:
            return FeedUnavailable(f"X does not have it: {words}")
        case 429 if told.title == "UsageCapExceeded" or told.kind == "usage-capped":
            return SourceSuspended(f"the allowance of the X API is used up: {words}", PERSON)
        case 429:
            return FeedThrottled("X asks to wait", wait)
        case _:
            return FeedFailed(FeedFault.HTTP, f"X answered {status}: {words}".rstrip(": "), status=status)


def unavailable(problems: Sequence[Problem]) -> FeedUnavailable:
    """Of an answer 200 that holds nothing but problems; what is suspended and what is missing differ in words only."""
    one = problems[0] if problems else Problem()
    words = f"{one.title or ''} {one.detail or ''}".lower()
    if "suspended" in words:
        return FeedUnavailable("X has suspended this account")
    if one.kind.startswith("not-authorized") or "not authorized" in words:
        return FeedUnavailable("this account is protected: X shows its posts to approved followers only")
    if "not found" in words or "could not find" in words:
        return FeedUnavailable("this account is no longer on X")
    return FeedUnavailable(f"X does not show this account: {said(one.words)}")


def said(words: str, token: str = "") -> str:
    """What X says, fit to be shown; proxies might repeat what they were told."""
    words = one_line(words, LONGEST)
    return words.replace(token, "…") if token else words

"""Silence: what the operator hears when feeds that a bridge reads stay still, which is how bridges fail.

A dead bridge silences all its feeds, each after a time of its own: that is one trouble, told once a day at most until
the first of them speaks again.
"""

from collections.abc import Callable
from datetime import timedelta

from storage import providers
from storage.database import Work

AGAIN_AFTER = timedelta(days=1)  # the one feed that was told of may have ended by its publisher's will


def fell(work: Work, source: str, what: str, advice: str, tell: Callable[[str], None]) -> None:
    """``what``: which feed, and since when; ``advice``: what to look at (``Page.if_silent``)."""
    name = _name(source)
    known = providers.get(work.session, name)
    if known and known.told_at and work.now - known.told_at < AGAIN_AFTER:
        return
    text = f"{what}, though it used to. Others may be silent for the same reason. What to do: {advice}."
    tell(text)
    providers.save(work.session, name, {"told_at": work.now, "reason": what[:500]})


def ended(work: Work, source: str, what: str, tell: Callable[[str], None]) -> None:
    """``what``: which feed speaks again."""
    name = _name(source)
    if providers.get(work.session, name):
        tell(f"{what}.")
        providers.forget(work.session, [name])


def _name(source: str) -> str:
    """Beside the accounts of channels; none of these has a space in its name."""
    return f"{source} silent"

"""The source ``x``: accounts on X (sources-x.md).

``source`` chooses who is asked.  ``official`` is the X API: ``people`` finds accounts, ``timelines`` and ``searching``
read them, ``posts`` makes of what came what we store, and ``cursors`` keep the place.  ``stream`` listens by an
``intake``: the one that is ``filtered`` by ``rules``, or that of the ``activity`` of accounts, with ``subscriptions``
and ``events``, for which X can also call us (``callbacks``).  ``api`` asks, within ``limits``, ``wire`` reads the
answers and ``refusals`` knows what those mean that hold nothing.  ``bridges`` are feeds that others make of X;
``health`` says which way is worth trying.
"""

from adapters.sources.x.settings import Config
from adapters.sources.x.source import X

__all__ = ["Config", "X"]

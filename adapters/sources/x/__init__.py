"""The source ``x``: accounts on X (sources-x.md).

``source`` chooses who is asked.  ``official`` is the X API: ``people`` finds accounts, ``timelines`` and ``searching``
read them, ``stream`` listens by its ``rules``, ``posts`` makes of what came what we store, and ``cursors`` keep the
place.  ``api`` asks, within ``limits``, ``wire`` reads the answers and ``refusals`` knows what those mean that hold
nothing.  ``bridges`` are feeds that others make of X; ``health`` says which way is worth trying.
"""

from adapters.sources.x.settings import Config
from adapters.sources.x.source import X

__all__ = ["Config", "X"]

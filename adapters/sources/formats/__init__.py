"""Reads feed documents: bytes in, posts out.  No I/O, and quick to import, for small processes.

``read`` is strict and fast, ``read_news`` is the same and leaves out what was read before; what they refuse with
NotStrict, ``read_tolerant`` may still read, in a child process.
"""

from .hazards import fits_in_process
from .increments import read_news
from .items import Document, NotStrict
from .pages import discover
from .strict import read
from .tolerant import read_tolerant

__all__ = ["Document", "NotStrict", "discover", "fits_in_process", "read", "read_news", "read_tolerant"]

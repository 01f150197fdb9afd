"""Reads feed documents: bytes in, posts out.  No I/O, and quick to import, for small processes.

``read`` is strict and fast; what it refuses with NotStrict, ``read_tolerant`` may still read, in a child process.
"""

from .hazards import fits_in_process
from .items import Document, NotStrict
from .pages import discover
from .strict import read
from .tolerant import read_tolerant

__all__ = ["Document", "NotStrict", "discover", "fits_in_process", "read", "read_tolerant"]

"""How often a test repeats what it tries: few times in every run, as often as was promised with ``--full``."""

import os


def count(plain: int, full: int) -> int:
    """``full`` under ``./dev test --full`` (POSTBELL_FULL=1), else ``plain``."""
    return full if os.environ.get("POSTBELL_FULL") == "1" else plain

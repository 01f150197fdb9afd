"""What a look at the set-up finds: for the command, the page and the API alike."""

from typing import Literal

import msgspec

Grade = Literal["ok", "warning", "wrong"]


class Finding(msgspec.Struct, frozen=True):
    """One line of the report.  ``mend``: what to do; empty when nothing is."""

    what: str
    grade: Grade
    text: str
    mend: str = ""

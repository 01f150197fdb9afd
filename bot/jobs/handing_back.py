"""What a job has claimed and never begun when it stops: it is due again at once."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import structlog

from storage.database import Database, StorageError, Work

T = TypeVar("T")

log = structlog.get_logger("jobs")


async def hand_back(database: Database, use_case: Callable[[Work, Sequence[T]], Any], left: Sequence[T]) -> None:
    """``use_case``: ends the leases of what is ``left``.  If that cannot be stored, they run out."""
    if not left:
        return
    try:
        await database.write(use_case, left)
    except StorageError as error:
        log.warning("not handed back", what=use_case.__module__.rpartition(".")[2], claims=len(left), reason=str(error))

"""A copy of the database to download: made beside the running server, checked, and gone when it is sent."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from bot.clock import Clock
from bot.errors import Conflict, Unavailable
from bot.jobs.janitor import LOW_WATER
from bot.usecases.administration import installation
from bot.usecases.audit import Actor
from storage import backup
from storage.database import Database, StorageError

PREFIX = ".backup-"
MEDIA_TYPE = "application/vnd.sqlite3"
INSTEAD = 'with PostgreSQL use its own tools: pg_dump -Fc "$DATABASE_URL" > postbell.dump'


@dataclass(frozen=True, slots=True)
class Copy:
    """``file``: open, and without a name: it takes no room once it is closed."""

    name: str
    file: BinaryIO = field(repr=False)


class Copies:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._one = asyncio.Lock()

    @property
    def possible(self) -> bool:
        return self._database.file is not None

    async def make(self, actor: Actor) -> Copy:
        """Raises Conflict, Unavailable, StorageError."""
        if self._database.file is None:
            raise Conflict(INSTEAD, code="backup_elsewhere")
        if self._one.locked():
            raise Conflict("a backup is being made; ask again when it is done", code="backup_runs")
        async with self._one:
            try:
                file = await asyncio.to_thread(_copied, self._database.file)
            except (OSError, StorageError) as error:
                raise Unavailable(f"no backup could be made: {error}", code="backup_failed") from None
        try:
            await self._database.write(installation.note_copy, actor, file.seek(0, 2))
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return Copy(f"postbell-{self._clock():%Y%m%d-%H%M%S}.db", file)


def _copied(database: Path) -> BinaryIO:
    """Beside the database, where only its owner looks.  Raises OSError, StorageError."""
    for left in database.parent.glob(f"{PREFIX}*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    if shutil.disk_usage(database.parent).free < database.stat().st_size + LOW_WATER:
        raise OSError("the disk has no room for it")
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=database.parent) as folder:
        target = Path(folder) / "copy.db"
        backup.back_up(database, target)
        return target.open("rb")

"""Where commands work: the database beside a running server, in short transactions, and the network when asked."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from adapters.base import Source
from bot import ground, logs, parts
from bot.clock import utc_now
from bot.errors import Conflict, NotFound
from bot.rules.vault import Vault
from bot.settings import BadSetting, Settings, load
from bot.usecases import accounts, audit
from storage.database import Database, UseCase, Work

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command has at hand."""

    settings: Settings
    database: Database

    def read(self, use_case: UseCase[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.look(use_case, *args, **kwargs)

    def write(self, use_case: UseCase[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.run(use_case, *args, **kwargs)

    def change(
        self,
        action: str,
        told: Callable[[T], audit.Change | None],
        use_case: UseCase[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """As ``write``, and the audit log has it (``audit.noted``)."""

        def do(work: Work) -> T:
            return audit.noted(work, audit.COMMAND_LINE, action, told, use_case, *args, **kwargs)

        return self.database.run(do)

    def vault(self) -> Vault:
        """Raises BadSetting when the master key is not this database's."""
        vault = ground.open_vault(self.settings)
        if not self.write(accounts.check_master_key, vault.fingerprint, vault.older_fingerprints):
            raise BadSetting("MASTER_KEY: not the key under which this database's secrets are sealed")
        return vault


@contextmanager
def opened(*, create: bool = False) -> Iterator[Desk]:
    """The database that the settings name, which must be there and current; ``create``: on SQLite it is made.

    Raises BadSetting, CannotStart, NotFound, Conflict, StorageError.
    """
    settings = load()
    logs.configure("error", settings.log_format)
    if create and settings.on_sqlite and settings.migrate == "on" and not ground.sqlite_file(settings).exists():
        _create(settings)
    check_there(settings)
    _check_current(settings)
    database = Database(settings.database, utc_now)
    try:
        yield Desk(settings, database)
    finally:
        database.close()


def check_there(settings: Settings) -> None:
    """Raises NotFound when there is no database file; what is only looked at must not make one."""
    if settings.on_sqlite and not (file := ground.sqlite_file(settings)).exists():
        raise NotFound(f"there is no database at {file} yet (DATA_DIR): run `postbell migrate` to make it")


def _check_current(settings: Settings) -> None:
    """Raises Conflict, StorageError."""
    if steps := ground.pending_steps(settings):
        raise Conflict(f"the database is not current ({len(steps)} migrations pending): run `postbell migrate`")


def _create(settings: Settings) -> None:
    ground.make_folder(settings)
    lock = ground.lock(settings)
    try:
        ground.migrate_now(settings)
    finally:
        lock.release()


@asynccontextmanager
async def sources(settings: Settings) -> AsyncIterator[Mapping[str, Source]]:
    """Every installed source, with the network behind it.  Raises BadSetting."""
    async with AsyncExitStack() as stack:
        outbound = await stack.enter_async_context(parts.make_outbound(settings))
        made = parts.make_sources(outbound)
        for source in made.values():
            stack.push_async_callback(source.close)
        yield made

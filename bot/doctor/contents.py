"""What the doctor finds in the database: whether it is there and current, its key, and how feeds and outbox fare."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from yarl import URL

from bot import ground
from bot.clock import utc_now
from bot.rules.findings import Finding
from bot.rules.measures import counted, span
from bot.settings import BadSetting, Settings
from bot.usecases import accounts, deliveries, destinations, feeds
from storage.database import Database, StorageError
from storage.lock import DirectoryLock, Locked

CLOCK_OFF, CLOCK_WRONG = timedelta(seconds=2), timedelta(seconds=30)
OLD_QUEUE = timedelta(minutes=10)
LONGEST_LOOK = 5.0  # seconds for a name to be looked up
SHOWN = 3  # feeds or destinations by name


@contextmanager
def opened(settings: Settings, running: Database | None) -> Iterator[Database]:
    if running:
        yield running
        return
    with closing(Database(settings.database, utc_now)) as database:
        yield database


async def is_there(settings: Settings) -> bool:
    """Whether there is a database that is current."""
    if settings.on_sqlite and not ground.sqlite_file(settings).exists():
        return False
    try:
        return not await asyncio.to_thread(ground.pending_steps, settings)
    except (StorageError, OSError):
        return False


async def database(settings: Settings, running: Database | None) -> AsyncIterator[Finding]:
    if running is None:
        trouble = await _no_database(settings)
        if trouble:
            yield trouble
            return
    file = (running.file if running else None) or ground.sqlite_file(settings)
    on_sqlite = running.engine == "sqlite" if running else settings.on_sqlite
    yield Finding("database", "ok", str(file) if on_sqlite else "PostgreSQL answers, its schema is current")
    if settings.on_sqlite and not running:
        yield _server(file.parent)
    with opened(settings, running) as database:
        try:
            async for one in _contents(settings, database):
                yield one
        except StorageError as error:
            yield Finding("database", "wrong", str(error).partition("\n")[0], "can this user read and write it?")


async def _no_database(settings: Settings) -> Finding | None:
    """Why the database cannot be used."""
    file = ground.sqlite_file(settings)
    if settings.on_sqlite and not file.exists():
        return Finding("database", "warning", f"there is none at {file} yet", "`postbell serve` or `migrate` makes it")
    try:
        steps = await asyncio.to_thread(ground.pending_steps, settings)
    except (StorageError, OSError) as error:
        mend = "is DATABASE_URL right, and does the server run?" if not settings.on_sqlite else "see `postbell restore`"
        return Finding("database", "wrong", str(error).partition("\n")[0], mend)
    if not steps:
        return None
    text = f"{counted(len(steps), 'migration')} pending: {steps[0]}"
    return Finding("database", "wrong", text, "`postbell migrate`, or `postbell serve` with MIGRATE=on")


def _server(folder: Path) -> Finding:
    lock = DirectoryLock(folder)
    try:
        lock.acquire().release()
    except Locked as holder:
        return Finding("server", "ok", f"{holder} works on this database")
    except OSError as error:
        return Finding("server", "wrong", f"{folder} cannot be locked ({error.strerror})", "can this user write there?")
    return Finding("server", "warning", "none is running on this database", "`postbell serve`")


async def _contents(settings: Settings, database: Database) -> AsyncIterator[Finding]:
    yield await _master_key(settings, database)
    yield await _clock(settings, database)
    yield await _name_lookup(database)
    yield await _feeds(database)
    yield await _destinations(database)
    for one in await _outbox(database):
        yield one


async def _master_key(settings: Settings, database: Database) -> Finding:
    if not ground.has_master_key(settings):
        if settings.on_sqlite:
            return Finding("MASTER_KEY", "ok", "none yet; it is made when it is needed first")
        return Finding("MASTER_KEY", "wrong", "not set", "`openssl rand -base64 32` makes one")
    try:
        vault = ground.open_vault(settings)
    except (BadSetting, OSError) as error:
        return Finding("MASTER_KEY", "wrong", str(error), "put the key back as it was")
    if not await database.read(accounts.master_key_fits, vault.fingerprint, vault.older_fingerprints):
        return Finding("MASTER_KEY", "wrong", "not the key of this database", "put the key back as it was")
    where = "MASTER_KEY" if settings.master_key else str(settings.data_dir / "master.key")
    return Finding("MASTER_KEY", "ok", f"{where} fits; backups need it, too")


async def _clock(settings: Settings, database: Database) -> Finding:
    here = utc_now()
    if settings.on_sqlite:
        return Finding("clock", "ok", f"{here:%Y-%m-%d %H:%M:%S} UTC")
    off = abs(await database.read(lambda work: work.now) - utc_now())
    text = f"{off.total_seconds():.1f} s apart from the database's"
    mend = "let NTP set both machines' clocks"
    if off >= CLOCK_WRONG:
        return Finding("clock", "wrong", text, mend)
    return Finding("clock", "warning", text, mend) if off >= CLOCK_OFF else Finding("clock", "ok", text)


async def _name_lookup(database: Database) -> Finding:
    followed = [row.host for row in await database.read(feeds.newest, 50) if "://" in row.host]
    if not followed:
        return Finding("DNS", "ok", "no feed with a public name is followed yet")
    host = URL(followed[0]).host or ""
    try:
        async with asyncio.timeout(LONGEST_LOOK):
            await asyncio.get_running_loop().getaddrinfo(host, None)
    except (OSError, TimeoutError) as error:
        text = f"{host} has no address ({str(error) or 'no answer'})"
        return Finding("DNS", "warning", text, "can this machine ask a resolver?")
    return Finding("DNS", "ok", f"{host} has an address")


async def _feeds(database: Database) -> Finding:
    found = await database.read(feeds.in_trouble, 1000)
    if not found:
        return Finding("feeds", "ok", "none is in trouble")
    names = "; ".join(f"{row.id} {row.title or row.key}: {row.reason}" for row in found[:SHOWN])
    return Finding("feeds", "warning", f"{len(found)} in trouble: {names}", "`postbell feeds --failing` shows all")


async def _destinations(database: Database) -> Finding:
    found = await database.read(destinations.disabled, 1000)
    if not found:
        return Finding("destinations", "ok", "none is disabled")
    names = "; ".join(f"{row.id} {_masked(row.address)}: {row.disabled_reason}" for row in found[:SHOWN])
    mend = "`postbell destination enable ID` when it works again"
    return Finding("destinations", "warning", f"{len(found)} disabled: {names}", mend)


def _masked(address: str) -> str:
    """Without what a URL may hold back from all but its owner: a custom bot's is a secret."""
    return f"{URL(address).origin()}/…" if "://" in address else address


async def _outbox(database: Database) -> list[Finding]:
    found = []
    if await database.read(deliveries.is_held):
        found.append(Finding("sending", "warning", "is held", "`postbell outbox release` lets it go on"))
    queue = await database.read(deliveries.queue)
    age, rows = timedelta(seconds=queue.oldest_seconds), sum(queue.rows.values())
    if not rows:
        return [*found, Finding("outbox", "ok", "empty")]
    text = f"{rows:,} queued; what expires first was queued {span(age)} ago"
    if age < OLD_QUEUE:
        return [*found, Finding("outbox", "ok", text)]
    return [*found, Finding("outbox", "warning", text, "`postbell deliveries --state queued` says why they wait")]

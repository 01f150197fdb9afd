"""The doctor: what is missing or wrong in the set-up, and how to mend it.  The command, the page and the API ask it."""

import asyncio
import os
import platform
import shutil
import socket
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from xml.parsers import expat

import msgspec
from dotenv import dotenv_values
from yarl import URL

from adapters.base import Examined
from adapters.http import NoAnswer, NotSent, Outbound
from adapters.http.egress import Allowed
from bot import ground, installed, parts
from bot.clock import utc_now
from bot.doctor import platforms
from bot.errors import UserError
from bot.jobs.janitor import LOW_WATER
from bot.rules.findings import Finding
from bot.rules.measures import counted, size, span
from bot.settings import BadSetting, Settings
from bot.usecases import accounts, deliveries, destinations, feeds
from storage.database import Database, StorageError
from storage.lock import DirectoryLock, Locked

ROOM = 4 * LOW_WATER  # free bytes below which it is worth a word
CLOCK_OFF, CLOCK_WRONG = timedelta(seconds=2), timedelta(seconds=30)
OLD_QUEUE = timedelta(minutes=10)
NETWORK_FILESYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p")
LONGEST_LOOK = 5.0  # seconds for one question to the network
WIDE = 65536  # addresses in one network of EGRESS_ALLOW
SHOWN = 3  # feeds or destinations by name


async def examine(settings: Settings, database: Database | None = None) -> AsyncIterator[Finding]:
    """All that can be looked at, the quickest first.  ``database``: of a gateway that runs in this process.

    Raises BadSetting.
    """
    for one in of_machine():
        yield one
    async with parts.make_outbound(settings) as outbound:
        for one in (*_settings(outbound), *_plugins(outbound)):
            yield one
        if settings.on_sqlite:
            for one in _folder(settings):
                yield one
        yield await _port(settings, outbound)
        yield await _public_address(settings, outbound)
        looks = (_channels(settings, outbound), _sources(settings, outbound, database), _database(settings, database))
        for look in looks:
            async for one in look:
                yield one


def of_machine() -> Iterator[Finding]:
    """What needs no settings."""
    yield _python()
    yield _parsers()


# The machine


def _python() -> Finding:
    text = f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info < (3, 35):
        return Finding("Python", "wrong", text, "use a Python with SQLite 3.35 or newer")
    return Finding("Python", "ok", text)


def _parsers() -> Finding:
    """Older expats let a few hundred bytes unfold to gigabytes (reliability page, 8.2)."""
    if expat.version_info < (2, 4, 1):
        return Finding("XML parser", "wrong", expat.EXPAT_VERSION, "update the system's libexpat to 2.4.1 or newer")
    return Finding("XML parser", "ok", expat.EXPAT_VERSION.replace("_", " "))


# Settings


def _settings(outbound: Outbound) -> Iterator[Finding]:
    if strangers := sorted(name for name in dotenv_values(".env") if not _is_setting(name)):
        yield Finding(".env", "warning", f"{', '.join(strangers)}: no setting of Postbell's", "is a name misspelt?")
    else:
        yield Finding("settings", "ok", "all can be used")
    yield _egress(outbound.egress.allow)


def _egress(allow: Sequence[Allowed]) -> Finding:
    """Every address in it can be called by whoever may add a webhook or follow a feed."""
    if wide := [str(one.network) for one in allow if one.network.num_addresses > WIDE]:
        mend = "name only what is needed: accounts can make Postbell call these addresses"
        return Finding("EGRESS_ALLOW", "warning", f"opens much: {', '.join(wide)}", mend)
    opened = ", ".join(str(one.network) for one in allow)
    return Finding("EGRESS_ALLOW", "ok", f"opens {opened}" if allow else "no private address can be reached")


def _is_setting(name: str) -> bool:
    name = name.upper().removesuffix("_FILE")
    of_channels = {one.name for _, one in installed.settings()}
    return name.lower() in Settings.model_fields or name.partition("__")[0] in of_channels


def _plugins(outbound: Outbound) -> Iterator[Finding]:
    makers: tuple[tuple[str, Callable[[Outbound], Any]], ...] = (
        ("channels", parts.make_channels),
        ("sources", parts.make_sources),
    )
    for what, make in makers:
        try:
            yield Finding(what, "ok", ", ".join(sorted(make(outbound))))
        except (UserError, ImportError, AttributeError) as error:
            yield Finding(what, "wrong", f"cannot be loaded: {error}", "update or uninstall the package that adds it")


# The data directory


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = ground.sqlite_file(settings).parent
    if not folder.is_dir():
        yield Finding("DATA_DIR", "warning", f"{folder} is not there yet", "`postbell serve` makes it")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("DATA_DIR", "wrong", f"{folder} cannot be written", f"chown {os.getuid()} {folder}")
    elif stat.S_IMODE(folder.stat().st_mode) & 0o077:
        yield Finding("DATA_DIR", "warning", f"others can look into {folder}, where secrets are", f"chmod 700 {folder}")
    else:
        yield Finding("DATA_DIR", "ok", str(folder))
    if (kind := _filesystem(folder)) in NETWORK_FILESYSTEMS:
        text = f"{folder} is on {kind}, where SQLite's locks do not hold"
        yield Finding("filesystem", "wrong", text, "use a local disk, or PostgreSQL (DATABASE_URL)")
    yield _disk(folder)


def _filesystem(folder: Path) -> str:
    """Its kind; empty where that cannot be known."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return ""
    under = [(len(where), kind) for _, where, kind, *_ in mounts if folder.resolve().is_relative_to(where)]
    return max(under, default=(0, ""))[1]


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{size(free)} free"
    if free < LOW_WATER:
        return Finding("disk", "wrong", f"{text}: nothing new is taken in", f"make room: {size(ROOM)} or more")
    if free < ROOM:
        return Finding("disk", "warning", text, f"below {size(LOW_WATER)} nothing new is taken in")
    return Finding("disk", "ok", text)


# The network


async def _port(settings: Settings, outbound: Outbound) -> Finding:
    """Free, or ours."""
    where = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except PermissionError:
        return Finding("PORT", "wrong", f"{where} is not allowed to this user", "choose a port above 1023")
    except OSError as error:
        base = URL.build(scheme="http", host=_dialled(settings.host), port=settings.port)
        if await _is_ours(outbound, str(base)):
            return Finding("PORT", "ok", f"{where}: a server is running")
        return Finding("PORT", "wrong", f"{where} is taken ({error.strerror})", "stop what has it, or set PORT")
    return Finding("PORT", "ok", f"{where} is free: no server is running here")


def _dialled(listening: str) -> str:
    """An address under which this machine reaches what listens there."""
    everywhere = listening != "localhost" and ip_address(listening).is_unspecified
    return "localhost" if everywhere else listening


async def _public_address(settings: Settings, outbound: Outbound) -> Finding:
    if not settings.worker_public_base_url:
        mend = "set it when others are to reach this machine: for callbacks and links that we show"
        return Finding("WORKER_PUBLIC_BASE_URL", "warning", "not set", mend)
    if await _is_ours(outbound, settings.public_base_url):
        return Finding("WORKER_PUBLIC_BASE_URL", "ok", f"{settings.public_base_url} answers")
    text = f"{settings.public_base_url}/healthz does not answer as ours"
    mend = "does a server run, and does the proxy hand requests on?  (Some routers refuse this from inside.)"
    return Finding("WORKER_PUBLIC_BASE_URL", "warning", text, mend)


async def _channels(settings: Settings, outbound: Outbound) -> AsyncIterator[Finding]:
    """Each account, by its platform's word."""
    try:
        ways = parts.make_channels(outbound)
    except (UserError, ImportError, AttributeError):  # which was told above
        return
    base = settings.public_base_url.rstrip("/") if settings.worker_public_base_url else ""
    for name, way in ways.items():
        if isinstance(way, Examined):
            async for one in platforms.examined(name, way, f"{base}/webhooks/{name}" if base else ""):
                yield one
        await way.close()


async def _sources(settings: Settings, outbound: Outbound, running: Database | None) -> AsyncIterator[Finding]:
    """Each source, by its platform's word, and by what the database knows."""
    try:
        known = parts.make_sources(outbound)
    except (UserError, ImportError, AttributeError):  # which was told above
        return
    for name, source in known.items():
        if isinstance(source, Examined):
            async for one in platforms.examined(name, source, ""):
                yield one
        await source.close()
    if running or await _is_there(settings):
        with _opened(settings, running) as database:
            try:
                async for one in platforms.of_sources(database, parts.make_paces(known)):
                    yield one
            except StorageError:  # which is told below
                pass


@contextmanager
def _opened(settings: Settings, running: Database | None) -> Iterator[Database]:
    if running:
        yield running
        return
    with closing(Database(settings.database, utc_now)) as database:
        yield database


async def _is_there(settings: Settings) -> bool:
    """Whether there is a database that is current."""
    if settings.on_sqlite and not ground.sqlite_file(settings).exists():
        return False
    try:
        return not await asyncio.to_thread(ground.pending_steps, settings)
    except (StorageError, OSError):
        return False


async def _is_ours(outbound: Outbound, base: str) -> bool:
    try:
        answer = await outbound.call("GET", f"{base.rstrip('/')}/healthz", {}, b"", timeout_seconds=LONGEST_LOOK)
    except (NotSent, NoAnswer):
        return False
    try:
        return answer.status == 200 and bool(msgspec.json.decode(answer.body) == {"status": "ok"})
    except msgspec.DecodeError:
        return False


# The database


async def _database(settings: Settings, running: Database | None) -> AsyncIterator[Finding]:
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
    with _opened(settings, running) as database:
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

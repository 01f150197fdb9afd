"""What the doctor finds before any network: Python, the settings, plug-ins, the data directory and its disk."""

import os
import platform
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.parsers import expat

from dotenv import dotenv_values

from adapters.http import Outbound
from adapters.http.egress import Allowed
from bot import ground, installed, parts
from bot.errors import UserError
from bot.jobs.janitor import LOW_WATER
from bot.rules.findings import Finding
from bot.rules.measures import size
from bot.settings import Settings

ROOM = 4 * LOW_WATER  # free bytes below which it is worth a word
NETWORK_FILESYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p")
WIDE = 65536  # addresses in one network of EGRESS_ALLOW


def without_settings() -> Iterator[Finding]:
    """What needs no settings."""
    yield _python()
    yield _parsers()


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


def settings(outbound: Outbound) -> Iterator[Finding]:
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


def plugins(outbound: Outbound) -> Iterator[Finding]:
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


def folder(settings: Settings) -> Iterator[Finding]:
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

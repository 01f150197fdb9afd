"""The doctor: what is missing or wrong in the set-up, and how to mend it.  The command, the page and the API ask it."""

from collections.abc import AsyncIterator

from adapters.base import Examined
from adapters.http import Outbound
from bot import parts
from bot.doctor import addresses, contents, machine, platforms
from bot.errors import UserError
from bot.rules.findings import Finding
from bot.settings import Settings
from storage.database import Database, StorageError


async def examine(settings: Settings, database: Database | None = None) -> AsyncIterator[Finding]:
    """All that can be looked at, the quickest first.  ``database``: of a gateway that runs in this process.

    Raises BadSetting.
    """
    for one in machine.without_settings():
        yield one
    async with parts.make_outbound(settings) as outbound:
        for one in (*machine.settings(outbound), *machine.plugins(outbound)):
            yield one
        if settings.on_sqlite:
            for one in machine.folder(settings):
                yield one
        yield await addresses.port(settings, outbound)
        yield await addresses.public_address(settings, outbound)
        looks = (
            _channels(settings, outbound),
            _sources(settings, outbound, database),
            contents.database(settings, database),
        )
        for look in looks:
            async for one in look:
                yield one


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
    if running or await contents.is_there(settings):
        with contents.opened(settings, running) as database:
            try:
                async for one in platforms.of_sources(database, parts.make_paces(known)):
                    yield one
            except StorageError:  # which is told below
                pass

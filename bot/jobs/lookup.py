"""Finds the feed that a name means: asks each source in turn, over the network."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

import structlog

from adapters.base import Claiming, FeedFailed, FeedFault, FeedNotFound, Source, SourceError
from bot.usecases.chat.who import Looked

SECONDS = 20.0  # that a person in a chat waits at the longest

log = structlog.get_logger("lookup")


async def look_up(sources: Mapping[str, Source], name: str, now: datetime, seconds: float = SECONDS) -> Looked:
    """What the first source that understands ``name`` makes of it; that none does is an answer, too.

    The error of several sources that know nothing is one FeedNotFound with what each suggests.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _first(sources, name, now)
    except TimeoutError:
        return Looked(name, error=FeedFailed(FeedFault.TIMEOUT, f"no answer within {seconds:.0f} seconds"))


async def _first(sources: Mapping[str, Source], name: str, now: datetime) -> Looked:
    missed: list[FeedNotFound] = []
    claimed = {kind: one for kind, one in sources.items() if isinstance(one, Claiming) and one.claims(name)}
    for kind, source in (claimed or sources).items():
        try:
            found = await source.resolve(name, now)
        except FeedNotFound as error:
            missed.append(error)
        except SourceError as error:
            return Looked(name, kind, error=error)
        except Exception:
            log.exception("a source failed", source=kind)
            return Looked(name, kind, error=FeedFailed(FeedFault.PARSE, "Postbell could not read it"))
        else:
            return Looked(name, kind, source.host(found.key), found)
    candidates = [address for error in missed for address in error.candidates]
    return Looked(
        name, error=FeedNotFound("; ".join(filter(None, map(str, missed))) or "no source is installed", candidates)
    )

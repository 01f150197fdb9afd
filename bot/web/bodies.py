"""The body of a request from outside: whole, in time, within a limit (reliability page, 9)."""

import asyncio

from aiohttp import web

BODY_SECONDS = 10.0


async def read_body(request: web.Request, limit: int) -> bytes:
    """At most ``limit`` bytes.  Raises the HTTPException that is the answer: 408, 413, or 415 for what is packed."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise web.HTTPUnsupportedMediaType
    if (request.content_length or 0) > limit:
        raise web.HTTPRequestEntityTooLarge(limit, request.content_length or 0)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > limit:
                    raise web.HTTPRequestEntityTooLarge(limit, len(body))
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    return bytes(body)

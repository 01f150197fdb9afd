"""Health and metrics: is the loop alive, could this process do its work, and the numbers."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.gate import Gate
from bot.metrics import Metrics

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(gate: Gate) -> list[web.RouteDef]:
    """``/healthz``: the event loop answers.  ``/readyz``: there is room, the database takes writes, no stop is
    under way.  Neither tells more: details are in the log."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_request: web.Request) -> web.Response:
        ready = gate.writable and not gate.low and not gate.draining
        return web.json_response({"status": "ready" if ready else "not ready"}, status=200 if ready else 503)

    return [web.get("/healthz", healthz), web.get("/readyz", readyz)]


def metrics_route(metrics: Metrics) -> web.RouteDef:
    """``/metrics`` in Prometheus's text format; on a listener of its own."""

    async def handler(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return web.get("/metrics", handler)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong answers in JSON, and tells nothing of how we are built."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return web.json_response({"error": error.reason}, status=error.status, headers=headers)


async def no_server_header(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)

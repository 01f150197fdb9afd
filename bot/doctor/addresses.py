"""What the doctor finds about our own addresses: the port we listen on, and the public one."""

import socket
from ipaddress import ip_address

import msgspec
from yarl import URL

from adapters.http import NoAnswer, NotSent, Outbound
from bot.rules.findings import Finding
from bot.settings import Settings

LONGEST_LOOK = 5.0  # seconds for one question to the network


async def port(settings: Settings, outbound: Outbound) -> Finding:
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


async def public_address(settings: Settings, outbound: Outbound) -> Finding:
    if not settings.worker_public_base_url:
        mend = "set it when others are to reach this machine: for callbacks and links that we show"
        return Finding("WORKER_PUBLIC_BASE_URL", "warning", "not set", mend)
    if await _is_ours(outbound, settings.public_base_url):
        return Finding("WORKER_PUBLIC_BASE_URL", "ok", f"{settings.public_base_url} answers")
    text = f"{settings.public_base_url}/healthz does not answer as ours"
    mend = "does a server run, and does the proxy hand requests on?  (Some routers refuse this from inside.)"
    return Finding("WORKER_PUBLIC_BASE_URL", "warning", text, mend)


async def _is_ours(outbound: Outbound, base: str) -> bool:
    try:
        answer = await outbound.call("GET", f"{base.rstrip('/')}/healthz", {}, b"", timeout_seconds=LONGEST_LOOK)
    except (NotSent, NoAnswer):
        return False
    try:
        return answer.status == 200 and bool(msgspec.json.decode(answer.body) == {"status": "ok"})
    except msgspec.DecodeError:
        return False

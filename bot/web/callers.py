"""Who calls: the network address behind trusted proxies, and behind no others (reliability page, section 9)."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from aiohttp import web

Networks = Sequence[IPv4Network | IPv6Network]


def read_networks(text: str) -> Networks:
    """From "10.0.0.0/8, ::1".  Raises ValueError."""
    return [ip_network(one.strip()) for one in text.split(",") if one.strip()]


def address(request: web.Request, trusted: Networks) -> str:
    """The peer, or what the last trusted proxy says of its own: the right-most entry that is none of ours."""
    peer = request.remote or ""
    if not trusted or not _is_trusted(peer, trusted):
        return peer
    listed = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    for one in reversed([entry.strip() for entry in listed]):
        if not _is_address(one):
            break
        peer = one
        if not _is_trusted(one, trusted):
            break
    return peer


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(text: str, trusted: Networks) -> bool:
    if not _is_address(text):
        return False
    ip = ip_address(text)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in network for network in trusted)

"""Which addresses may be dialled when a user or a feed chose them (reliability 7.1 and 7.2).

A URL is checked when it is stored and again before it is used; that gives early and readable refusals.  What
protects is the second check, of the very address about to be dialled, made as its socket is created: it sees
literals, looked-up names, every redirect hop and every candidate, so a name that changes its answer gains nothing.
"""

import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final, Literal, Self

from yarl import URL

Kind = Literal["webhook", "feed"]
Address = IPv4Address | IPv6Address
SocketFactory = Callable[[tuple[Any, ...]], socket.socket]

DENIED: Final = "destination not allowed"
"""All that is ever said of a refused address: no more can be learned about what is behind it."""

PORTS: Final = frozenset({80, 443, 8443})
MAX_URL: Final = 2048


class EgressDenied(OSError):
    """The connector takes it for a failed attempt and tries the next address."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A network the operator opened; ``port`` None: any port."""

    network: IPv4Network | IPv6Network
    port: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Egress:
    """The operator's policy: networks opened on purpose, and our own listeners, which are never dialled."""

    allow: tuple[Allowed, ...] = ()
    own: tuple[tuple[str, int], ...] = ()  # (address or name listened on, port)

    @classmethod
    def parse(cls, text: str, own: Iterable[tuple[str, int]] = ()) -> Self:
        """Read ``EGRESS_ALLOW``: "10.1.0.0/16:8080, 127.0.0.1/32, [fd00::/8]:8080".

        Raises ValueError naming the piece that is wrong.
        """
        pieces = [piece.strip() for piece in text.split(",")]
        return cls(tuple(_allowed(piece) for piece in pieces if piece), tuple(own))

    def check_url(self, url: str, kind: Kind) -> str:
        """The normal form of an address (host in IDNA, no fragment), or ValueError with a reason for people.

        Webhooks are ``https:``.  ``http:`` is for networks in ``EGRESS_ALLOW``: a literal must lie in one; a
        name passes here when there are such networks, and then only addresses inside them are dialled for it.
        """
        return str(self.target(url, kind))

    def target(self, url: str, kind: Kind) -> URL:
        """As ``check_url``, parsed by the library that will dial, so that both read the same host."""
        if len(url) > MAX_URL:
            raise ValueError(f"an address has at most {MAX_URL:,} characters")
        if not url.isprintable() or " " in url:
            raise ValueError("an address has no spaces or control characters")
        try:
            parsed = _normal(URL(url))
        except IndexError:  # yarl's word for brackets before an "@" without a host
            raise ValueError("an address names a host") from None
        if parsed.scheme not in ("http", "https"):
            raise ValueError("an address begins with https:// or http://")
        if parsed.raw_user is not None or parsed.raw_password is not None:
            raise ValueError("an address contains no user name or password")
        inside, refusal = _examine(self, parsed.raw_host or "", parsed.port or 0)
        if refusal:
            raise ValueError(refusal)
        if kind == "webhook" and parsed.scheme == "http" and not inside:
            raise ValueError("a webhook's address begins with https://")
        if len(str(parsed)) > MAX_URL:
            raise ValueError(f"an address has at most {MAX_URL:,} characters")
        return parsed

    def blocked(self, ip: str | Address, port: int) -> bool:
        """Whether this very address must not be dialled."""
        address = _plain(ip)
        if address.is_unspecified or self._is_own(address, port):
            return True
        if self.inside(address, port):
            return False
        return port not in PORTS or _reserved(address)

    def inside(self, ip: str | Address, port: int) -> bool:
        """Whether the operator opened this address; one of a metadata service only counts when named alone."""
        address = _plain(ip)
        return any(
            entry.port in (None, port)
            and address in entry.network
            and (address not in METADATA or entry.network.prefixlen == entry.network.max_prefixlen)
            for entry in self.allow
        )

    def inside_literal(self, host: str, port: int) -> bool:
        """As ``inside``, for what may be a name: names are never inside, for they may change their minds."""
        try:
            return self.inside(ip_address(host), port)
        except ValueError:
            return False

    def socket_factory(self, *, inside_only: bool = False) -> SocketFactory:
        """For ``TCPConnector``: refuses what is blocked; ``inside_only``: and what the operator did not open."""

        def factory(candidate: tuple[Any, ...]) -> socket.socket:
            family, kind, protocol, _, (host, port, *_) = candidate
            if self.blocked(host, port) or (inside_only and not self.inside(host, port)):
                raise EgressDenied(DENIED)
            return socket.socket(family, kind, protocol)

        return factory

    def _is_own(self, address: Address, port: int) -> bool:
        return any(port == own_port and _listens_on(host, address) for host, own_port in self.own)


METADATA: Final = frozenset(map(ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16")))

# The registries of special addresses, and one more; ``is_global`` is wrong for many of them (reliability 7.1).
_RESERVED4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # between a provider and its customers
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "168.63.129.16/32",  # a cloud's own services behind a public address
    )
)
# Loopback, private, link-local, multicast and the ways of wrapping IPv4 all lie outside it.
_GLOBAL6: Final = IPv6Network("2000::/3")
_RESERVED6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: wraps IPv4
        "3fff::/20",  # documentation
    )
)

_ENTRY = re.compile(r"\[(?P<six>[^\]/]+)(?P<inner>/\d+)?\](?P<outer>/\d+)?(?::(?P<port6>\d+))?", re.ASCII)
_ENTRY4 = re.compile(r"(?P<four>[\d.]+(?:/\d+)?)(?::(?P<port4>\d+))?", re.ASCII)
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", re.ASCII)
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.ASCII)


def _reserved(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in network for network in _RESERVED4)
    return address not in _GLOBAL6 or any(address in network for network in _RESERVED6)


def _plain(ip: str | Address) -> Address:
    """Without zone, and IPv4 where it is only wrapped in IPv6."""
    address = ip_address(ip.partition("%")[0]) if isinstance(ip, str) else ip
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


@lru_cache(4096)
def _examine(egress: Egress, host: str, port: int) -> tuple[bool, str]:
    """Whether the host may lie inside a network the operator opened, and why it is refused; empty: it is not."""
    if ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            address = ip_address(host)
        except ValueError:  # 2130706433, 127.1, 0x7f.1: resolvers read them, each in its own way
            return False, DENIED
        return egress.inside(address, port), DENIED if "%" in host or egress.blocked(address, port) else ""
    if len(host) > 253 or not _NAME.fullmatch(host):
        return False, "an address contains the name of a host"
    inside = any(entry.port in (None, port) for entry in egress.allow)
    good = port > 0 and (port in PORTS or inside)
    return inside, "" if good else "an address has port 80, 443 or 8443"


def _normal(url: URL) -> URL:
    """One spelling for what is one address: no fragment, no dot after the host, a path."""
    if url.raw_fragment:
        url = url.with_fragment(None)
    host = url.raw_host
    if host and host.endswith("."):
        url = url.with_host(host[:-1])
    if url.raw_path == "/" and host and not url.raw_query_string:
        url = url.with_path("/")
    return url


def _listens_on(host: str, address: Address) -> bool:
    try:
        listener = _plain(host)
    except ValueError:  # a name: whatever it stands for is on this machine
        return _is_local(address)
    return listener == address or (listener.is_unspecified and _is_local(address))


def _is_local(address: Address) -> bool:
    """Whether the address is one of this machine's: those are the ones that can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def _allowed(piece: str) -> Allowed:
    try:
        network, port = _network(piece)
    except ValueError as error:
        raise ValueError(f"{piece!r} is not a network with an optional :port ({error})") from None
    if network.prefixlen == 0:
        raise ValueError(f"{piece!r} opens everything; name the networks that are meant")
    return Allowed(network, port)


def _network(piece: str) -> tuple[IPv4Network | IPv6Network, int | None]:
    if match := _ENTRY.fullmatch(piece):
        text, port = match["six"] + (match["inner"] or match["outer"] or ""), match["port6"]
    elif match := _ENTRY4.fullmatch(piece):
        text, port = match["four"], match["port4"]
    else:
        text, port = piece, None  # IPv6 without brackets has no port
    if port is not None and not 1 <= int(port[:6]) <= 65535:
        raise ValueError("ports go from 1 to 65535")
    return ip_network(text), None if port is None else int(port)

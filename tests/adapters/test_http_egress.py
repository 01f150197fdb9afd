"""Which addresses and URLs are let out: tables of what others got wrong, and generated ones (reliability 7.1, 7.2)."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from adapters.http import DENIED, Egress

CLOSED = Egress.parse("")

BLOCKED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.171",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "3fff::1",
    "3fff:fff::1",
    "5f00::1",
    "4000::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "ff00::1",
    "ff02::1",
    "ff0e::1",
]

OPEN = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "168.63.129.17",
    "::ffff:8.8.8.8",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2003::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
]


@pytest.mark.parametrize("ip", BLOCKED)
def test_addresses_that_are_not_the_internet_are_blocked(ip: str) -> None:
    assert CLOSED.blocked(ip, 443)


@pytest.mark.parametrize("ip", OPEN)
def test_addresses_of_the_internet_are_open_at_the_usual_ports(ip: str) -> None:
    assert [CLOSED.blocked(ip, port) for port in (80, 443, 8443, 22, 8080)] == [False] * 3 + [True] * 2


@pytest.mark.parametrize(
    ("allow", "ip", "port", "blocked"),
    [
        ("127.0.0.1/32", "127.0.0.1", 1, False),
        ("127.0.0.1", "127.0.0.1", 65535, False),
        ("127.0.0.1/32", "127.0.0.2", 80, True),
        ("127.0.0.1/32", "::ffff:127.0.0.1", 80, False),
        ("127.0.0.1/32", "::1", 80, True),
        ("10.1.0.0/16:8080", "10.1.2.3", 8080, False),
        ("10.1.0.0/16:8080", "10.1.2.3", 80, True),
        ("10.1.0.0/16:8080", "10.2.0.1", 8080, True),
        ("8.8.8.0/24:9000", "8.8.8.8", 9000, False),
        ("8.8.8.0/24:9000", "8.8.8.8", 443, False),
        ("8.8.8.0/24:9000", "8.8.8.8", 9001, True),
        ("10.0.0.0/8, 192.168.0.0/16 ,", "192.168.1.1", 443, False),
        ("fd00::/8", "fd12::1", 443, False),
        ("[fd00::/8]:8080", "fd12::1", 8080, False),
        ("[fd00::]/8:8080", "fd12::1", 443, True),
        ("[::1]:8080", "::1", 8080, False),
        ("fe80::/10", "fe80::1%eth0", 80, False),
        ("0.0.0.0/8", "0.0.0.0", 80, True),
        ("169.254.0.0/16", "169.254.1.1", 80, False),
        ("169.254.0.0/16", "169.254.169.254", 80, True),
        ("169.254.169.254/32", "169.254.169.254", 80, False),
        ("100.64.0.0/10", "100.100.100.200", 80, True),
        ("168.63.128.0/17", "168.63.129.16", 80, True),
        ("168.63.129.16", "168.63.129.16", 80, False),
        ("fd00::/8", "fd00:ec2::254", 80, True),
        ("fd00:ec2::254/128", "fd00:ec2::254", 80, False),
    ],
)
def test_what_the_operator_opens_is_open_and_no_more(allow: str, ip: str, port: int, blocked: bool) -> None:
    assert Egress.parse(allow).blocked(ip, port) is blocked


@pytest.mark.parametrize(
    "piece",
    [
        "localhost",
        "example.com:80",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "10.0.0.0/8:0",
        "10.0.0.0/8:65536",
        "10.0.0.0/8:http",
        "10.0.0.0/8:",
        "10.0.0.0/8:" + "1" * 5000,
        "[10.0.0.0/8",
        "[fd00::/8]8080",
        "[fd00::/8/9]:80",
        "0.0.0.0/0",
        "::/0",
        "*",
        "10.0.0.0/8;11.0.0.0/8",
        "１０.0.0.0/8",
    ],
)
def test_what_is_no_network_is_named(piece: str) -> None:
    with pytest.raises(ValueError, match=r"opens everything|is not a network") as raised:
        Egress.parse(f"127.0.0.1/32,{piece}")
    assert repr(piece) in str(raised.value)


@pytest.mark.parametrize(
    ("own", "ip", "blocked"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "::ffff:127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("0.0.0.0", "127.0.0.1", True),
        ("0.0.0.0", "127.0.0.2", True),
        ("::", "127.0.0.1", True),
        ("localhost", "127.0.0.1", True),
        ("0.0.0.0", "8.8.8.8", False),
    ],
)
def test_our_own_listener_is_never_dialled(own: str, ip: str, blocked: bool) -> None:
    egress = Egress.parse("127.0.0.0/8,8.8.8.8/32", own=[(own, 8080)])
    assert egress.blocked(ip, 8080) is blocked
    assert not egress.blocked(ip, 8081)


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://EXAMPLE.com:443/A?b=C#d", "https://example.com/A?b=C"),
        ("https://example.com./hook", "https://example.com/hook"),
        ("https://bücher.example/ü?q=ü", "https://xn--bcher-kva.example/%C3%BC?q=%C3%BC"),
        ("https://example.com:8443/x", "https://example.com:8443/x"),
        ("https://example.com/a/../b/./c", "https://example.com/b/c"),
        ("https://8.8.8.8/x", "https://8.8.8.8/x"),
        ("https://[2606:4700:4700:0::1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://a_b.example.com/", "https://a_b.example.com/"),
    ],
)
def test_addresses_have_one_form(given: str, normal: str) -> None:
    assert CLOSED.check_url(given, "webhook") == CLOSED.check_url(normal, "feed") == normal


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "１２７.0.0.1",
        "2130706433",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "127.1",
        "127.0.0.01",
        "256.256.256.256",
        "1.2.3.4.5",
        "example.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1%25eth0]",
        "[2606:4700:4700::1111%25eth0]",
        "169.254.169.254",
        "10.0.0.1",
    ],
)
@pytest.mark.parametrize("kind", ["webhook", "feed"])
def test_inner_hosts_are_refused_however_spelt_and_nothing_more_is_said(host: str, kind: str) -> None:
    with pytest.raises(ValueError, match=f"^{DENIED}$"):
        CLOSED.check_url(f"https://{host}/", kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https",
        "https://",
        "https:///path",
        "https:example.com",
        "//example.com/",
        "example.com/hook",
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "gopher://example.com/",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://:secret@example.com/",
        "https://example.com:22/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:-1/",
        "https://example.com:http/",
        "https://exam ple.com/",
        " https://example.com/",
        "https://example.com/\n",
        "https://example.com/\r\nHost: evil",
        "https://example.com/\0",
        "https://example.com/a b",
        "https://example.com/\u200b",
        "https://example.com/\u202e",
        "https://example.com/\ud800",
        "https://example.com\\@evil.example/",
        "https://127%2e0%2e0%2e1/",
        "https://%41.com/",
        "https://a..b/",
        "https://.example.com/",
        "https://ex,ample.com/",
        "https://" + "a" * 64 + ".com/",
        "https://" + "a." * 130 + "com/",
        "https://[v1.a]:22/",
        "https://[::1/",
        "https://[]@/",
        "https://[1.2.3.4]/",
        "https://example.com/" + "a" * 2048,
        "https://example.com/" + "ü" * 1000,
    ],
)
@pytest.mark.parametrize("kind", ["webhook", "feed"])
def test_what_is_no_address_is_refused(url: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Egress.parse("10.0.0.0/8:8080").check_url(url, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("allow", "url", "accepted"),
    [
        ("", "http://example.com/", False),
        ("", "http://8.8.8.8/", False),
        ("127.0.0.1/32", "http://127.0.0.1:9999/", True),
        ("127.0.0.1/32", "http://8.8.8.8/", False),
        ("127.0.0.1/32", "http://bridge.internal:9999/", True),  # the dialler lets it reach 127.0.0.1 only
        ("127.0.0.1/32:8080", "http://bridge.internal:8080/", True),
        ("127.0.0.1/32:8080", "http://bridge.internal/", False),
        ("127.0.0.1/32:8080", "https://bridge.internal:8080/", True),
        ("127.0.0.1/32:8080", "https://bridge.internal:8081/", False),
    ],
)
def test_webhooks_without_encryption_are_for_opened_networks(allow: str, url: str, accepted: bool) -> None:
    egress = Egress.parse(allow)
    if accepted:
        assert egress.check_url(url, "webhook") == url
    else:
        with pytest.raises(ValueError, match=r"https|port"):
            egress.check_url(url, "webhook")


def test_feeds_may_be_unencrypted() -> None:
    assert CLOSED.check_url("http://example.com/feed", "feed") == "http://example.com/feed"


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_no_address_python_calls_special_is_open(address: IPv4Address | IPv6Address) -> None:
    plain = (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
    if not CLOSED.blocked(address, 443):
        assert plain.is_global
        assert not plain.is_multicast


@given(
    st.one_of(
        st.text(),
        st.from_regex(r"\Ahttps?://[a-zA-Z0-9.\[\]:%@\\①。-]{0,40}(/[^\s]{0,40})?\Z"),
        st.builds("https://{}:{}/{}".format, st.text(max_size=20), st.integers(), st.text(max_size=20)),
    )
)
def test_a_url_has_a_stable_harmless_form_or_is_refused(text: str) -> None:
    try:
        normal = CLOSED.check_url(text, "feed")
    except ValueError:
        return
    url = URL(normal)
    assert CLOSED.check_url(normal, "feed") == normal
    assert normal.isascii()
    assert normal.isprintable()
    assert url.scheme in ("http", "https")
    assert url.raw_user is None
    assert url.raw_host
    assert url.port in (80, 443, 8443)


@given(st.ip_addresses())
def test_a_literal_passes_exactly_when_it_may_be_dialled(address: IPv4Address | IPv6Address) -> None:
    url = f"https://[{address}]/" if address.version == 6 else f"https://{address}/"
    if CLOSED.blocked(address, 443):
        with pytest.raises(ValueError, match=DENIED):
            CLOSED.check_url(url, "webhook")
    else:
        assert CLOSED.check_url(url, "webhook")


@pytest.mark.parametrize(
    ("host", "port", "inside"),
    [
        ("127.0.0.1", 8080, True),
        ("127.0.0.1", 80, False),
        ("::1", 8080, False),
        ("localhost", 8080, False),
        ("", 0, False),
    ],
)
def test_only_literals_are_known_to_be_inside_beforehand(host: str, port: int, inside: bool) -> None:
    assert Egress.parse("127.0.0.1/32:8080").inside_literal(host, port) is inside

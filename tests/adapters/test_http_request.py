"""Requests as bytes: what is written, and what is never."""

import pytest
from yarl import URL

from adapters.http.answer import Headers
from adapters.http.request import Origin, encode, target


@pytest.mark.parametrize(
    ("url", "origin", "path", "host"),
    [
        ("https://example.com/", Origin(True, "example.com", 443), "/", "example.com"),
        ("https://example.com:443/", Origin(True, "example.com", 443), "/", "example.com"),
        ("https://example.com:8443/a", Origin(True, "example.com", 8443), "/a", "example.com:8443"),
        ("http://example.com", Origin(False, "example.com", 80), "/", "example.com"),
        ("http://example.com:443/", Origin(False, "example.com", 443), "/", "example.com:443"),
        ("https://bücher.example/", Origin(True, "xn--bcher-kva.example", 443), "/", None),
        ("https://example.com/ü?q=ü#x", Origin(True, "example.com", 443), "/%C3%BC?q=%C3%BC", None),
        ("https://example.com/a b%2Fc?d=e+f%26&g=", Origin(True, "example.com", 443), "/a%20b%2Fc?d=e+f%26&g=", None),
        ("http://127.0.0.1:8080/x", Origin(False, "127.0.0.1", 8080), "/x", "127.0.0.1:8080"),
        ("https://[2606:4700:4700::1111]/x", Origin(True, "2606:4700:4700::1111", 443), "/x", "[2606:4700:4700::1111]"),
        ("https://[::1]:8443/x", Origin(True, "::1", 8443), "/x", "[::1]:8443"),
        ("https://example.com/\r\nX: y", Origin(True, "example.com", 443), "/X:%20y", None),
    ],
)
def test_an_address_becomes_a_request_line_and_a_host(url: str, origin: Origin, path: str, host: str | None) -> None:
    made = target(URL(url), "Postbell/1")
    line, named, agent, end = made.head.split(b"\r\n")
    assert made.origin == origin
    assert line == f" {path} HTTP/1.1".encode()
    assert named == f"Host: {host or origin.host}".encode()
    assert (agent, end) == (b"User-Agent: Postbell/1", b"")


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "/path", "mailto:a@example.com", "https://user:secret@example.com/"]
)
def test_what_http_cannot_be_sent_to_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="an address"):
        target(URL(url), "Postbell/1")


@pytest.mark.parametrize(
    ("method", "body", "ends"),
    [
        ("POST", b"", b"Content-Length: 0\r\n\r\n"),
        ("PUT", b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", b"Content-Length: 22\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
    ],
)
def test_a_request_says_how_long_it_is(method: str, body: bytes, ends: bytes) -> None:
    request = encode(method, target(URL("https://example.com/"), "x"), {"X-A": "\u00fc; b"}, body)
    head = f"{method} / HTTP/1.1\r\nHost: example.com\r\nUser-Agent: x\r\nX-A: \u00fc; b\r\n"
    assert request == head.encode() + ends


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "b\r\nX-C: d"),
        ("X-A", "b\n"),
        ("X-A", "\r"),
        ("X-A", "b\0"),
        ("X-A", "b\x7f"),
        ("X-A", "b\u2028c"),
        ("X-A\r\nX-C", "d"),
        ("X-A:", "d"),
        ("X A", "d"),
        ("", "d"),
        ("X-\u00c4", "d"),
        ("Host", "evil.example"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("CONNECTION", "close"),
        ("Expect", "100-continue"),
        ("Upgrade", "websocket"),
    ],
)
def test_header_fields_that_would_change_the_request_are_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        encode("POST", target(URL("https://example.com/"), "x"), {name: value}, b"")


@pytest.mark.parametrize("method", ["HEAD", "CONNECT", "post", "", "POST / HTTP/1.1\r\n"])
def test_methods_whose_answers_are_framed_otherwise_are_refused(method: str) -> None:
    with pytest.raises(ValueError, match="method"):
        encode(method, target(URL("https://example.com/"), "x"), {}, b"")


def test_header_fields_of_an_answer_are_found_in_any_case() -> None:
    headers = Headers([(b"Retry-After", b"5 \t"), (b"X", "\u00ff".encode()), (b"RETRY-AFTER", b"6")])
    assert (headers["retry-after"], headers["RETRY-AFTER"], headers["x"]) == ("5", "5", "\u00ff")
    assert dict(headers) == {"retry-after": "5", "x": "\u00ff"}
    assert len(headers) == 2
    assert headers.get("Location") is None
    assert (headers.getall("RETRY-AFTER"), headers.getall("Location")) == (["5", "6"], ())

"""UserSig against published vectors and another implementation; each failure in its order, and everything malformed."""

import json
import zlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import TLSSigAPIv2 as witness
from hypothesis import given
from hypothesis import strategies as st

from adapters.signatures import usersig
from bot.clock import utc_now

KEY = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
APP = 1400000000
NOW = datetime.fromtimestamp(1_700_000_000, UTC)
DAY = timedelta(days=1)
CLAIMS: dict[str, Any] = {
    "TLS.ver": "2.0",
    "TLS.identifier": "administrator",
    "TLS.sdkappid": APP,
    "TLS.expire": 86400,
    "TLS.time": 1_700_000_000,
    "TLS.sig": "yLAe+w7WUeUuqbV9h/TX78u21oTGi+i9Zp1u3PpnY60=",
}
WHOLE = (
    "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkElNyM-Myi0uKEkvyi2BKilOyEwsKMlOACgxNDKAAKpdaUZBZlAqUsTAzgQuWZOaChAzN0RQX"
    "Z6aDLKn0cUzVLjcPD00NLS1MCrPM0A*JMLcoNTLMD3HP1M60jCowLDUOKMiLNDOwVaoFAD4PNPI_"
)
STORED = (
    "eAEBrgBR-3siVExTLnZlciI6IjIuMCIsIlRMUy5pZGVudGlmaWVyIjoiYWRtaW5pc3RyYXRvciIsIlRMUy5zZGthcHBpZCI6MTQwMDAwMDAwMCwiVExTLmV4"
    "cGlyZSI6ODY0MDAsIlRMUy50aW1lIjoxNzAwMDAwMDAwLCJUTFMuc2lnIjoieUxBZSt3N1dVZVV1cWJWOWgvVFg3OHUyMW9UR2kraTlacDF1M1Bwblk2MD0i"
    "fbyIM5I_"
)


def packed(content: bytes) -> str:
    return b64encode(zlib.compress(content)).translate(bytes.maketrans(b"+/=", b"*-_")).decode()


def changed(**changes: object) -> str:
    """The published claims, some of them otherwise; None takes one out."""
    claims = CLAIMS | {f"TLS.{name}": value for name, value in changes.items()}
    return packed(json.dumps({name: value for name, value in claims.items() if value is not None}).encode())


def inside(signature: str) -> Any:
    return json.loads(zlib.decompress(witness.base64_decode_url(signature.encode())))


def fault(signature: str, *, app: int = APP, key: str = KEY, who: str = "administrator", now: datetime = NOW) -> int:
    with pytest.raises(usersig.BadUserSig) as caught:
        usersig.verify(signature, app, key, who, now)
    assert key not in str(caught.value)
    return caught.value.code


def test_the_published_fields_are_made() -> None:
    assert inside(usersig.make(APP, KEY, "administrator", NOW, DAY)) == CLAIMS
    made = inside(usersig.make(APP, KEY, "xiaojun", NOW, DAY, userbuf=b"abc"))
    assert (made["TLS.userbuf"], made["TLS.sig"]) == ("YWJj", "Oab3vXglY45Pcxz+SSjhdxBWuhTAxVhxYLfvVjGhOJ0=")


@pytest.mark.parametrize("signature", [WHOLE, STORED, changed(), changed(expire="86400", time="1700000000")])
def test_every_way_to_write_the_same_is_read(signature: str) -> None:
    assert usersig.verify(signature, APP, KEY, "administrator", NOW) == 1_700_086_400


@given(who=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40), buffer=st.binary())
def test_another_implementation_and_ours_take_each_others(who: str, buffer: bytes) -> None:
    theirs = witness.TLSSigAPIv2(APP, KEY)
    now = utc_now()
    made = theirs.gen_sig_with_userbuf(who, 60, buffer) if buffer else theirs.gen_sig(who, 60)
    assert usersig.verify(made, APP, KEY, who, now) - now.timestamp() <= 61
    ours = inside(usersig.make(APP, KEY, who, NOW, DAY, userbuf=buffer))
    signs = theirs._TLSSigAPIv2__hmacsha256
    expected = signs(who, ours["TLS.time"], ours["TLS.expire"], b64encode(buffer).decode() if buffer else None)
    assert ours["TLS.sig"] == expected.decode()


@pytest.mark.parametrize(
    ("code", "signature"),
    [
        (70002, ""),
        (70003, "no signature"),
        (70003, "ä\ud800"),
        (70003, WHOLE[:-8]),
        (70003, WHOLE.replace("*", "%2B")),
        (70003, WHOLE + "A"),
        (70003, WHOLE * 100),
        (70003, b64encode(b"not packed").decode()),
        (70003, packed(b"{" * 16_000)),
        (70003, packed(b'{"a":' * 3_000)),
        (70003, packed(b"[" * 16_000)),
        (70003, packed(b" " * 200_000)),
        (70003, packed(b"[]")),
        (70003, packed(b"\xff")),
        (70003, changed(ver="1.0")),
        (70003, changed(sig=None)),
        (70003, changed(sig=7)),
        (70003, changed(identifier=7)),
        (70003, changed(identifier="")),
        (70003, changed(time=True)),
        (70003, changed(time=-1)),
        (70003, changed(time=1.5)),
        (70003, changed(time="1700000000\n")),
        (70003, changed(expire="1" * 13)),
        (70003, changed(sdkappid=10**12)),
        (70003, changed(userbuf="x\nTLS.time:1")),
        (70014, changed(sdkappid=1, identifier="eve", expire=1, sig="")),
        (70013, changed(identifier="eve", expire=1, sig="")),
        (70009, changed(expire=1, sig="")),
        (70009, changed(sig="ä")),
        (70009, changed(expire=10**11)),
        (70009, changed(userbuf="")),
    ],
)
def test_what_is_wrong_is_named_in_its_order(code: int, signature: str) -> None:
    assert fault(signature) == code


def test_another_key_signs_otherwise() -> None:
    assert fault(WHOLE, key=KEY[::-1]) == 70009


@pytest.mark.parametrize(
    ("seconds", "code"), [(86_400, 0), (86_401, 70001), (0, 0), (-300, 0), (-301, 70003), (10**9, 70001)]
)
def test_it_is_good_from_its_time_until_its_end(seconds: int, code: int) -> None:
    now = NOW + timedelta(seconds=seconds)
    if code:
        assert fault(WHOLE, now=now) == code
    else:
        usersig.verify(WHOLE, APP, KEY, "administrator", now)


def test_a_signed_end_that_no_calendar_holds_is_just_late() -> None:
    signature = usersig.make(APP, KEY, "administrator", NOW, timedelta(days=9_999_999))
    assert usersig.verify(signature, APP, KEY, "administrator", NOW) == 1_700_000_000 + 9_999_999 * 86_400


@pytest.mark.parametrize("name", ["", "a\nTLS.sdkappid:1", "x" * 257])
def test_a_name_that_could_be_mistaken_is_not_signed(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        usersig.make(APP, KEY, name, NOW, DAY)


@given(signature=st.text())
def test_no_text_makes_the_verifier_fail(signature: str) -> None:
    assert fault(signature) in (70002, 70003)


@given(content=st.binary())
def test_nothing_packed_makes_the_verifier_fail(content: bytes) -> None:
    assert fault(packed(content)) == 70003

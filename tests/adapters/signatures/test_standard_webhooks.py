"""Signing against the published vector and the reference library; verifying against everything malformed."""

from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from adapters.signatures import BadSignature, new_secret, secret_key, sign, verify

SECRET = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1614265330
NOW = datetime.fromtimestamp(AT, UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def signed(**changes: str) -> dict[str, str]:
    headers = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE}
    return headers | {name.replace("_", "-"): value for name, value in changes.items()}


def test_the_published_vector() -> None:
    assert sign([SECRET], ID, AT, BODY) == SIGNATURE
    assert verify([SECRET], signed(), BODY, NOW) == ID


@given(body=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_the_reference_library_signs_the_same(body: str) -> None:
    secret = new_secret()
    theirs = standardwebhooks.Webhook(secret).sign(ID, NOW, body)
    assert sign([secret.encode()], ID, AT, body.encode()) == theirs


@given(body=st.binary(), flipped=st.integers(min_value=0))
def test_any_bytes_survive_and_any_changed_byte_is_noticed(body: bytes, flipped: int) -> None:
    secret = new_secret().encode()
    headers = signed(webhook_signature=sign([secret], ID, AT, body))
    assert verify([secret], headers, body, NOW) == ID
    if body:
        changed = bytearray(body)
        changed[flipped % len(body)] ^= 1
        with pytest.raises(BadSignature):
            verify([secret], headers, bytes(changed), NOW)


def test_while_a_secret_is_replaced_both_verify() -> None:
    new, old = new_secret().encode(), new_secret().encode()
    headers = signed(webhook_signature=sign([new, old], ID, AT, BODY))
    assert headers["webhook-signature"].count("v1,") == 2
    assert verify([new], headers, BODY, NOW) == verify([old], headers, BODY, NOW) == ID
    assert verify([new_secret().encode(), old], headers, BODY, NOW) == ID


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_off_is_near_enough(seconds: int) -> None:
    assert verify([SECRET], signed(), BODY, NOW + timedelta(seconds=seconds)) == ID


@pytest.mark.parametrize("seconds", [-301, 301, -10_000_000, 10_000_000])
def test_older_and_newer_are_refused(seconds: int) -> None:
    with pytest.raises(BadSignature):
        verify([SECRET], signed(), BODY, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook-id": ID},
        signed(webhook_id=""),
        signed(webhook_id="msg.1"),
        signed(webhook_id="msg 1"),
        signed(webhook_id="ä"),
        signed(webhook_id="m" * 257),
        signed(webhook_timestamp=""),
        signed(webhook_timestamp="-1614265330"),
        signed(webhook_timestamp="1614265330.0"),
        signed(webhook_timestamp="1e9"),
        signed(webhook_timestamp="nan"),
        signed(webhook_timestamp="１６１４２６５３３０"),
        signed(webhook_timestamp="1614265330\n"),
        signed(webhook_timestamp="9" * 5000),
        signed(webhook_signature=""),
        signed(webhook_signature="nocomma"),
        signed(webhook_signature="v1"),
        signed(webhook_signature="v1,"),
        signed(webhook_signature="v1,a,b"),
        signed(webhook_signature="v1,====="),
        signed(webhook_signature="v2" + SIGNATURE[2:]),
        signed(webhook_signature="V1" + SIGNATURE[2:]),
        signed(webhook_signature=SIGNATURE[:-1]),
        signed(webhook_signature="v1,\ud800\udcff ä"),
        signed(webhook_signature="," * 10_000),
    ],
)
def test_whatever_is_malformed_is_a_bad_signature(headers: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        verify([SECRET], headers, BODY, NOW)


@given(
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text(), max_size=3
    ),
    body=st.binary(),
)
def test_no_header_makes_the_verifier_fail_otherwise(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignature):
        verify([SECRET], headers, body, NOW)


def test_one_good_signature_among_others_is_enough() -> None:
    mixed = f"nocomma v1a,abc v1,AAAA {SIGNATURE} v1,a,b"
    assert verify([SECRET], signed(webhook_signature=mixed), BODY, NOW) == ID


def test_nothing_verifies_without_a_secret() -> None:
    with pytest.raises(BadSignature):
        verify([], signed(webhook_signature=""), BODY, NOW)


def test_new_secrets_hold_32_bytes_and_differ() -> None:
    one, other = new_secret(), new_secret()
    assert one != other
    assert len(secret_key(one.encode())) == 32


@pytest.mark.parametrize(
    "secret", [b"", b"whsec_", b"whsec_c2hvcnQ=", b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b"whsec_!!" + b"A" * 32]
)
def test_a_wrong_secret_is_named_as_such(secret: bytes) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        sign([secret], ID, AT, BODY)

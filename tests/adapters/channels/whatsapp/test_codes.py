"""The platform's codes: what each is taken to mean, and what is read of an error."""

from typing import Any

import msgspec
import pytest

from adapters.base import (
    AddressGone,
    Ambiguous,
    ChannelThrottled,
    Rejected,
    SendError,
    Suspended,
    Throttled,
    TryAgain,
    WindowClosed,
)
from adapters.channels.whatsapp.codes import Refusal, failure, read, verdict


@pytest.mark.parametrize(
    ("error", "codes"),
    [
        (Suspended, (0, 3, 10, 33, 190, 200, 250, 299, 131005, 133010, 133006, 131045)),
        (Suspended, (131048, 133015, 133016, 131037, 131031, 368, 131042, 131044)),
        (ChannelThrottled, (4, 80007, 130429, 131057, 613)),
        (Throttled, (131056,)),
        (TryAgain, (2, 131016, 133004, 134101, 132069)),
        (Ambiguous, (1, 131000)),
        (WindowClosed, (131047,)),
        (AddressGone, (130403, 131021)),
        (Rejected, (131026, 131030, 130472, 130497, 131049, 131050, 131062, 131055, 131063, 131064, 134100, 137000)),
        (Rejected, (136024, 100, 131008, 131009, 131051, 131052, 131053, 131060, 135000)),
        (Rejected, (132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132018, 132068)),
        (Rejected, (134011, 134102, 133005, 133008, 133009)),
    ],
)
def test_each_known_code_has_its_consequence(error: type[SendError], codes: tuple[int, ...]) -> None:
    assert {code: verdict(code).error for code in codes} == dict.fromkeys(codes, error)


def test_an_unknown_code_gets_one_more_try() -> None:
    assert (verdict(987654).error, verdict(987654).tries) == (TryAgain, 2)


def test_the_limit_of_a_pair_is_waited_for_as_documented() -> None:
    assert verdict(131056).waits[:4] == (1, 4, 16, 64)


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (
            {"message": "(#130429) Rate limit hit", "code": 130429, "error_data": {"details": "Too many"}},
            Refusal(130429, "WhatsApp 130429: (#130429) Rate limit hit: Too many", 400),
        ),
        ({"code": 100, "error_data": "a bare string"}, Refusal(100, "WhatsApp 100: a bare string", 400)),
        ({"code": 100, "error_subcode": 33, "message": "no id"}, Refusal(33, "WhatsApp 33: no id", 400)),
        ({"code": 1, "fbtrace_id": "AbC"}, Refusal(1, "WhatsApp 1: no reason given (trace AbC)", 400)),
        (
            {"code": 190, "message": "Malformed access token EAAsecret"},
            Refusal(190, "WhatsApp 190: Malformed access token …", 400),
        ),
        ({"code": 2, "message": "a\0b\nc"}, Refusal(2, "WhatsApp 2: ab c", 400)),
        ({"code": "190"}, None),
        ({"message": "no code"}, None),
    ],
)
def test_an_error_is_read(error: dict[str, Any], refusal: Refusal | None) -> None:
    assert read(400, msgspec.json.encode({"error": error}), "EAAsecret") == refusal


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"[]", b'{"error": 1}', b"\xff", b"null", b"[" * 9999])
def test_what_holds_no_error_is_none(body: bytes) -> None:
    assert read(502, body, "") is None


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ([{"code": 131047, "title": "Late", "error_data": {"details": "24 hours"}}], ("131047", "Late: 24 hours")),
        ([{"code": 1, "title": "A"}, {"code": 2}], ("1", "A")),
        ([], ("", "")),
        (None, ("", "")),
        (["x"], ("", "")),
    ],
)
def test_the_errors_of_a_status_are_read(errors: Any, told: tuple[str, str]) -> None:
    assert failure(errors) == told

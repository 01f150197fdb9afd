"""The tables of feishu.md 7 and 21, read back: which code is which reaction."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from multidict import CIMultiDict

from adapters.base import (
    AddressGone,
    Ambiguous,
    ChannelThrottled,
    Rejected,
    SendError,
    Suspended,
    Throttled,
    TryAgain,
)
from adapters.channels.feishu import codes
from adapters.http import Answer

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def said(code: int | None, status: int = 400, msg: str = "", **headers: str) -> codes.Said:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return codes.read(Answer(status, CIMultiDict(fields), msgspec.json.encode({"code": code, "msg": msg})))


CLASSES: list[tuple[type[SendError], str]] = [
    (Suspended, "99991543 10003 10014 99991662 99991665 99991672 99991673 99991676 99991679 99991403 230006 230027"),
    (Suspended, "99991661 99991663 99991664 99991668 99991671 99991677"),  # when a new token is refused as well
    (ChannelThrottled, "99991400 11232"),
    (Throttled, "230020"),
    (TryAgain, "2200 1061 1500 230049"),
    (AddressGone, "230002 230013 230029 232009"),
    (
        Rejected,
        "99992402 230001 230011 230015 230017 230018 230019 230022 230025 230028 230031 230035 230038 230050 230054"
        " 230055 230071 230072 230075 230099 230110 230111 232033 234003 300317",
    ),
    (Rejected, "230777 239999 300999"),  # unknown ones
    (TryAgain, "42 99991999"),
]


@pytest.mark.parametrize(("kind", "code"), [(kind, int(code)) for kind, some in CLASSES for code in some.split()])
def test_every_code_has_its_reaction(kind: type[SendError], code: int) -> None:
    failure = codes.failure(said(code), NOW)
    assert type(failure) is kind
    assert failure.code == f"feishu_{code}"
    assert f"code {code}" in str(failure)


@pytest.mark.parametrize(
    ("code", "attempt", "least", "most"),
    [
        (99991400, 1, 1, 1.2),
        (99991400, 3, 4, 4.8),
        (99991400, 99, 60, 72),
        (230020, 1, 1, 1.2),
        (230020, 9, 8, 9.6),
        (11232, 1, 2, 2.4),
        (11232, 2, 8, 9.6),
        (11232, 5, 60, 72),
        (230049, 1, 3, 3.6),
    ],
)
def test_waits_grow_with_the_attempts(code: int, attempt: int, least: float, most: float) -> None:
    after = codes.failure(said(code), NOW, attempt=attempt).after
    assert after is not None
    assert least <= after.total_seconds() <= most


@pytest.mark.parametrize(("header", "seconds"), [("17", 17), ("0", 1)])
def test_the_gateway_says_how_long_to_wait_in_a_header_of_its_own(header: str, seconds: int) -> None:
    limited = said(99991400, 429, x_ogw_ratelimit_reset=header, retry_after="999")
    assert codes.failure(limited, NOW).after == timedelta(seconds=seconds)


def test_a_used_up_quota_rests_until_the_month_is_over() -> None:
    after = codes.failure(said(99991403, 429), NOW).after
    assert after is not None
    assert NOW + after == datetime(2026, 11, 30, 16, 0, tzinfo=UTC)  # midnight in China


def test_an_internal_error_in_a_parameter_is_tried_once_more() -> None:
    internal = said(230001, msg="Your request contains an invalid request parameter, ext=Internal Error")
    assert type(codes.failure(internal, NOW, attempt=1)) is TryAgain
    assert type(codes.failure(internal, NOW, attempt=2)) is Rejected


@pytest.mark.parametrize(
    ("status", "body", "writes", "kind"),
    [
        (502, b"<html>", True, Ambiguous),
        (504, b"", True, Ambiguous),
        (502, b"<html>", False, TryAgain),
        (200, b"<html>", True, Ambiguous),
        (200, b"[]", True, Ambiguous),
        (200, b'{"msg":"no code"}', True, Ambiguous),
        (200, b'{"code":"0"}', True, Ambiguous),
        (429, b"slow down", True, ChannelThrottled),
        (404, b"<html>", True, TryAgain),
        (302, b"", True, TryAgain),
        (500, b"[" * 100_000, True, Ambiguous),
        (500, b"\xff", True, Ambiguous),
        (503, b'{"code":0}', True, Ambiguous),
        (500, b'{"code":777,"msg":"x"}', True, TryAgain),
        (429, b'{"code":777,"msg":"x"}', True, ChannelThrottled),
    ],
)
def test_what_is_not_the_platforms_word(status: int, body: bytes, writes: bool, kind: type[SendError]) -> None:
    answer = codes.read(Answer(status, CIMultiDict(), body))
    assert not answer.good
    failure = codes.failure(answer, NOW, writes=writes)
    assert type(failure) is kind
    assert failure.status == status


def test_the_log_id_is_told_and_what_is_foreign_is_bounded() -> None:
    failure = codes.failure(said(230099, msg="a\nb" * 500, X_Tt_Logid="20261120ABC"), NOW)
    assert "log id 20261120ABC" in str(failure)
    assert "\n" not in str(failure)
    assert len(str(failure)) < 400
    assert "log id" not in str(codes.failure(said(230099, X_Tt_Logid="<script>"), NOW))


@pytest.mark.parametrize(
    ("code", "msg", "kind"),
    [
        (9499, "Bad Request", Rejected),
        (9499, "too many request", Throttled),
        (11232, "frequency limit", Throttled),
        (19001, "", AddressGone),
        (19002, "", Rejected),
        (19021, "", TryAgain),
        (19022, "", TryAgain),
        (19024, "", TryAgain),
        (230099, "", Rejected),
        (19999, "", TryAgain),
        (230777, "", Rejected),
    ],
)
def test_the_codes_of_custom_bots(code: int, msg: str, kind: type[SendError]) -> None:
    """None stops the whole account: each is one group's own."""
    failure = codes.hook_failure(said(code, 200, msg))
    assert type(failure) is kind
    assert (failure.after is not None) == issubclass(kind, Throttled)


@pytest.mark.parametrize(
    ("body", "good"),
    [
        (b'{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}', True),
        (b'{"StatusCode":0,"StatusMessage":"success"}', True),
        (b'{"StatusCode":0,"code":19024,"msg":"Key Words Not Found"}', False),
        (b'{"StatusCode":19001}', False),
        (b"{}", False),
    ],
)
def test_success_is_spelt_in_two_ways(body: bytes, good: bool) -> None:
    assert codes.read(Answer(200, CIMultiDict(), body)).good is good

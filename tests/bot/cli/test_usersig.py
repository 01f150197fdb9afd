"""``postbell usersig``: a signature that our own API takes, alone on the last line."""

import pytest

from adapters.signatures import usersig
from bot.clock import utc_now
from tests.bot.cli.shell import Shell

KEY = "k" * 64


@pytest.fixture
def served(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("OFFICIAL_SDKAPPID", "1400000000")
    monkeypatch.setenv("OFFICIAL_SECRET_KEY", KEY)
    monkeypatch.setenv("OFFICIAL_ADMINS", "administrator, collector")
    return bare


def test_the_signature_stands_alone_on_the_last_line(served: Shell) -> None:
    ran = served("usersig", "collector", "--hours", 2)
    now = utc_now()
    ends = usersig.verify(ran.out.splitlines()[-1], 1400000000, KEY, "collector", now)
    assert 7190 <= ends - now.timestamp() <= 7201
    assert KEY not in ran.out
    assert "60010" not in ran.out


def test_who_may_not_call_is_told(served: Shell) -> None:
    assert "60010" in served("usersig", "eve").out
    assert "control characters" in served("usersig", "a\nb", code=1).complaint


def test_without_settings_it_says_which_are_missing(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "OFFICIAL_SDKAPPID" in bare("usersig", "administrator", code=2).complaint
    monkeypatch.setenv("OFFICIAL_SDKAPPID", "1400000000")
    monkeypatch.setenv("OFFICIAL_SECRET_KEY", "short")
    assert "OFFICIAL_SECRET_KEY" in bare("usersig", "administrator", code=2).complaint
    monkeypatch.setenv("OFFICIAL_SECRET_KEY", KEY)
    monkeypatch.setenv("OFFICIAL_ADMINS", " , ")
    assert "OFFICIAL_ADMINS" in bare("usersig", "administrator", code=2).complaint

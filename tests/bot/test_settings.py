"""Settings: read from the environment, .env and files; wrong ones are named; the documents say what the code does."""

import re
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from adapters.http import Egress, Outbound
from bot import installed, plugins
from bot.cli import settings_table
from bot.settings import BadSetting, Settings, delays, load

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The current directory, in an environment without settings."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# The documents


def test_the_example_is_made_from_the_code() -> None:
    assert (ROOT / "config.example.env").read_text() == settings_table.example()


def test_the_example_changes_nothing(folder: Path) -> None:
    example = ROOT / "config.example.env"
    names = [name.upper() for name in Settings.model_fields] + [one.name for _, one in installed.settings()]
    assert list(dotenv_values(example)) == names
    (folder / ".env").write_text(example.read_text())
    assert load() == Settings.model_construct(**{name: field.default for name, field in Settings.model_fields.items()})


def test_every_setting_is_described_in_one_line() -> None:
    for name, _, what in settings_table.settings():
        assert what, name
        assert "\n" not in what
        assert "|" not in what  # it would end the table's cell


def test_the_example_has_a_group_for_each_setting() -> None:
    assert set(settings_table.GROUPS) <= set(Settings.model_fields)
    assert next(iter(Settings.model_fields)) in settings_table.GROUPS


def test_the_readme_has_the_same_table() -> None:
    found = re.search(r"<!-- settings -->\n(.*?)<!-- /settings -->", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    assert found[1].strip() == settings_table.readme().strip()


def test_the_settings_of_a_channel_have_a_group_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins.CHANNELS, "talk", "tests.fakes.talking:Talk")
    text = settings_table.example()
    assert "# --- Channel talk ---\n\n# what callers must send\nTALK_SECRET=\n" in text
    assert "| `TALK_LARGEST` | `65536` | bytes of a callback |" in settings_table.readme()
    assert text.count("Channel talk") == 1


def test_what_the_example_has_for_channels_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins.CHANNELS, "talk", "tests.fakes.talking:Talk")
    (folder / ".env").write_text(settings_table.example())
    made: Any = installed.channels(Outbound(Egress.parse("", []), user_agent="test"))
    assert made["talk"].config == made["talk"].Config()


# Where they come from


def test_the_environment_wins_over_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("PORT=1\nPOLL_SECONDS=7\n")
    monkeypatch.setenv("PORT", "2")
    assert (load().port, load().poll_seconds, load(port=3).port) == (2, 7, 3)


def test_a_secret_may_come_from_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "key").write_text("from the file\n")
    (folder / ".env").write_text("MASTER_KEY_FILE=key\n")
    assert load().master_key == "from the file"
    (folder / "other").write_text("from the other")
    monkeypatch.setenv("MASTER_KEY_FILE", "other")
    assert load().master_key == "from the other"
    monkeypatch.setenv("MASTER_KEY", "itself")
    assert load().master_key == "itself"


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / ".env").write_text("LOG_LEVEL=\n")
    monkeypatch.setenv("PORT", "")
    assert (load().port, load().log_level) == (8080, "info")


def test_other_variables_are_nobodys_business(folder: Path) -> None:
    (folder / ".env").write_text("EDITOR=vi\n")
    load()


# Wrong ones


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HOST", "example.org", "an IP address to listen on"),
        ("PORT", "eighty", "integer"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("WORKER_PUBLIC_BASE_URL", "bell.example.org", "an address like https://"),
        ("WORKER_PUBLIC_BASE_URL", "https://bell.example.org/?a=b", "an address like https://"),
        ("DATABASE_URL", "mysql://db", "postgresql://"),
        ("MIGRATE", "maybe", "'on' or 'off'"),
        ("LOG_LEVEL", "loud", "'debug'"),
        ("POLL_SECONDS", "0", "greater than or equal to 1"),
        ("BACKFILL", "some", "'digest'"),
        ("RETRY_WEBHOOK", "5s,soon", "delays with a unit"),
        ("SIGNUP", "perhaps", "'open' or 'closed'"),
        ("GROUP_MANAGERS", "everybody", "'all', 'admins' or 'owner'"),
        ("HOLD_DAYS", "0", "greater than or equal to 1"),
        ("RETRY_REPLY", "soon", "delays with a unit"),
        ("RETENTION_DAYS", "-1", "greater than or equal to 1"),
    ],
)
def test_a_wrong_one_is_named_with_what_is_expected(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting) as refused:
        load()
    assert str(refused.value).startswith(f"{name}: ")
    assert expected in str(refused.value)


def test_all_wrong_ones_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "eighty")
    monkeypatch.setenv("MIGRATE", "maybe")
    with pytest.raises(BadSetting, match=r"PORT: .*\nMIGRATE: "):
        load()


def test_what_is_wrong_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://ann:hunter2@db")
    with pytest.raises(BadSetting) as refused:
        load()
    assert "hunter2" not in str(refused.value)


def test_files_that_cannot_be_read_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_KEY_FILE", "nowhere")
    with pytest.raises(BadSetting, match=r"MASTER_KEY_FILE: nowhere cannot be read \(No such file"):
        load()
    (folder / "picture").write_bytes(b"\x89PNG\xff")
    monkeypatch.setenv("MASTER_KEY_FILE", "picture")
    with pytest.raises(BadSetting, match=r"MASTER_KEY_FILE: picture cannot be read \(it is no text"):
        load()
    (folder / ".env").write_bytes(b"PORT=\xff\xfe\n")
    with pytest.raises(BadSetting, match=r"\.env: it cannot be read"):
        load()


# What follows from them


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", []), ("5s", [5]), (" 5s , 2m,", [5, 120]), ("1.5h,1d", [5400, 86400])],
)
def test_delays_have_units(text: str, seconds: list[float]) -> None:
    assert [delay.total_seconds() for delay in delays(text)] == seconds


@pytest.mark.parametrize("text", ["5", "s", "-5s", "5s 2m", "5 s", "1w", "5S"])
def test_what_is_no_delay(text: str) -> None:
    with pytest.raises(ValueError, match="delays with a unit"):
        delays(text)


def test_addresses_that_follow_from_others(folder: Path) -> None:
    assert load().public_base_url == "http://127.0.0.1:8080"
    assert load(worker_public_base_url="https://bell.example.org/").public_base_url == "https://bell.example.org"
    assert load().database == f"sqlite:///{folder / 'data' / 'postbell.db'}"
    assert load().on_sqlite
    assert not load(database_url="postgresql://db/postbell").on_sqlite

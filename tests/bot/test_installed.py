"""Channels as they are set up: from the environment, .env and files, once for each account; what is wrong is named."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from adapters.channels.webhook import Webhook
from adapters.http import Egress, Outbound
from bot import installed, plugins
from bot.settings import BadSetting
from tests.fakes.talking import Talk


class Phone:
    """A channel with every kind of setting."""

    @dataclass(frozen=True, slots=True)
    class Config:
        token: str = field(default="", repr=False, metadata={"help": "what opens the door"})
        tries: int = field(default=3, metadata={"help": "how often"})
        pictures: bool = field(default=True, metadata={"help": "with or without"})
        mode: Literal["callback", "websocket"] = field(default="callback", metadata={"help": "which way"})

        def __post_init__(self) -> None:
            if self.tries == 13:
                raise ValueError("13 tries bring bad luck")

    def __init__(self, outbound: Outbound, name: str, config: Config) -> None:
        self.name, self.config = name, config


@pytest.fixture
def outbound() -> Outbound:
    return Outbound(Egress.parse("", []), user_agent="test")


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, outbound: Outbound) -> Callable[..., dict[str, Any]]:
    """All channels, with these variables set and no others."""
    monkeypatch.setitem(plugins.CHANNELS, "phone", "tests.bot.test_installed:Phone")

    def made(**variables: str) -> dict[str, Any]:
        return dict(installed.channels(outbound, variables))

    return made


def test_a_channel_without_settings_is_there_as_it_is(make: Callable[..., dict[str, Any]]) -> None:
    made = make()
    assert set(made) == set(plugins.CHANNELS)
    assert isinstance(made["webhook"], Webhook)
    assert made["phone"].config == Phone.Config()


def test_settings_have_their_types(make: Callable[..., dict[str, Any]]) -> None:
    made = make(PHONE_TOKEN="t", PHONE_TRIES="5", PHONE_PICTURES="off", PHONE_MODE="websocket", PHONE_OTHER="x")
    assert made["phone"].config == Phone.Config("t", 5, False, "websocket")


def test_a_suffix_makes_an_account_of_its_own(make: Callable[..., dict[str, Any]]) -> None:
    made = make(PHONE_TOKEN="t", PHONE_TRIES="5", PHONE_TOKEN__SALES="s", PHONE_TRIES__EU_1="7")
    assert {name for name in made if name.startswith("phone")} == {"phone", "phone/sales", "phone/eu_1"}
    assert (made["phone/sales"].name, made["phone/sales"].config) == ("phone/sales", Phone.Config("s"))
    assert made["phone/eu_1"].config == Phone.Config(tries=7)
    assert made["phone"].config == Phone.Config("t", 5)


def test_a_secret_may_come_from_a_file(make: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file\n")
    made = make(PHONE_TOKEN_FILE=str(tmp_path / "key"), PHONE_TOKEN__SALES_FILE=str(tmp_path / "key"))
    assert made["phone"].config.token == made["phone/sales"].config.token == "from the file"
    assert make(PHONE_TOKEN="itself", PHONE_TOKEN_FILE="nowhere")["phone"].config.token == "itself"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"PHONE_TRIES": "many"}, "PHONE_TRIES: "),
        ({"PHONE_PICTURES__SALES": "perhaps"}, "PHONE_PICTURES__SALES: "),
        ({"PHONE_MODE": "hunter2"}, "PHONE_MODE: "),
        ({"PHONE_TOKEN_FILE": "/nowhere"}, "PHONE_TOKEN_FILE: /nowhere cannot be read"),
        ({"PHONE_TOKEN__A B": "x"}, "PHONE_TOKEN__A B: "),
        ({"PHONE_TOKEN__": "x"}, "PHONE_TOKEN__: "),
        ({"PHONE_TRIES__EU": "13"}, "PHONE_…__EU: 13 tries bring bad luck"),
    ],
)
def test_a_wrong_one_is_named_and_not_repeated(
    make: Callable[..., dict[str, Any]], variables: dict[str, str], expected: str
) -> None:
    with pytest.raises(BadSetting) as refused:
        make(**variables)
    assert str(refused.value).startswith(expected)
    assert "hunter2" not in str(refused.value)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert "TALK_SECRET" not in installed.environment()
    (tmp_path / ".env").write_text("talk_secret=file\nTALK_BASE_URL=file\nTALK_LARGEST=\n")
    monkeypatch.setenv("TALK_SECRET", "environment")
    monkeypatch.setenv("TALK_BASE_URL", "")
    found = installed.environment()
    assert (found["TALK_SECRET"], found["TALK_BASE_URL"]) == ("environment", "file")
    assert "TALK_LARGEST" not in found
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe\n")
    with pytest.raises(BadSetting, match=r"\.env: it cannot be read"):
        installed.environment()


def test_the_settings_of_built_in_channels_can_be_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins.CHANNELS, "talk", "tests.fakes.talking:Talk")
    listed = [(one.name, one.default) for kind, one in installed.settings() if kind == "Channel talk"]
    assert listed == [("TALK_SECRET", ""), ("TALK_BASE_URL", ""), ("TALK_LARGEST", 65536)]


SECRET_WORDS = ("token", "secret", "key", "password")


@pytest.mark.parametrize("kind", [*plugins.CHANNELS, "talk"])
def test_no_secret_of_a_channel_is_shown(kind: str) -> None:
    maker = Talk if kind == "talk" else plugins.load(kind, plugins.CHANNELS, plugins.CHANNEL_GROUP)
    for one in dataclasses.fields(maker.Config) if hasattr(maker, "Config") else ():
        if any(word in one.name for word in SECRET_WORDS):
            assert not one.repr, one.name
        assert one.metadata.get("help"), one.name

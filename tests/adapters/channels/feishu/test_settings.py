"""Settings and addresses: what is taken, and that secrets show nowhere."""

from dataclasses import fields

import pytest

from adapters.base import BadAddress, Channel
from adapters.channels.feishu import Config, Feishu
from adapters.channels.feishu.settings import setting
from adapters.inbound import Listening, Talking

LOCAL = Config(base_url="http://127.0.0.1:1234/")
HOOK = "/open-apis/bot/v2/hook/aaaa-bbbb"


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("oc_123", "oc_123"),
        (" ou_7d8a6e6df7621556ce0d21922b676706 ", "ou_7d8a6e6df7621556ce0d21922b676706"),
        ("on_1", "on_1"),
        (f"https://open.feishu.cn{HOOK}", f"https://open.feishu.cn{HOOK}"),
        (f"https://OPEN.larksuite.com:443{HOOK}", f"https://open.larksuite.com{HOOK}"),
        (f"http://127.0.0.1:1234{HOOK}", f"http://127.0.0.1:1234{HOOK}"),
    ],
)
def test_addresses_have_one_form(given: str, normal: str) -> None:
    assert LOCAL.normal_address(given) == normal


@pytest.mark.parametrize(
    "address",
    [
        "",
        "oc_",
        "oc_1/../2",
        "om_1",
        "cli_1",
        "someone@example.org",
        "https://example.org" + HOOK,
        "https://feishu.cn.example.org" + HOOK,
        "https://evilfeishu.cn" + HOOK,
        "http://open.feishu.cn" + HOOK,
        "https://open.feishu.cn:8443" + HOOK,
        "https://user@open.feishu.cn" + HOOK,
        "http://127.0.0.1:9999" + HOOK,
        f"https://open.feishu.cn{HOOK}?a=b",
        f"https://open.feishu.cn{HOOK}#a",
        f"https://open.feishu.cn{HOOK}/more",
        "https://open.feishu.cn/open-apis/bot/v2/hook/",
        "https://open.feishu.cn/open-apis/im/v1/messages",
        "https://[::1" + HOOK,
    ],
)
def test_other_addresses_are_refused_with_what_is_expected_and_no_secret(address: str) -> None:
    with pytest.raises(BadAddress, match="oc_") as raised:
        LOCAL.normal_address(address)
    assert "aaaa-bbbb" not in str(raised.value)


def test_every_setting_has_a_default_and_a_line_of_help() -> None:
    assert Config() == Config(base_url="https://open.feishu.cn/")
    assert all(field.metadata["help"] for field in fields(Config))


def test_secrets_do_not_show() -> None:
    secrets = {name: f"{name}-value" for name in ("app_secret", "verification_token", "encrypt_key", "hook_secret")}
    assert "-value" not in repr(Config(**secrets))  # type: ignore[arg-type]


@pytest.mark.parametrize("base_url", ["open.feishu.cn", "ftp://open.feishu.cn", "https://a@b", ""])
def test_a_wrong_cloud_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match=r"https://open\.feishu\.cn"):
        Config(base_url=base_url)


def test_settings_are_named_as_the_operator_writes_them() -> None:
    assert setting("feishu", "app_id") == "FEISHU_APP_ID"
    assert setting("feishu/sales", "app_id") == "FEISHU_APP_ID__SALES"


def test_the_channel_keeps_the_contracts(channel: Feishu) -> None:
    contract: Channel = channel
    assert contract.name == "feishu"
    assert isinstance(channel, Talking)
    assert isinstance(channel, Listening)
    assert Feishu.Config is Config

"""Addresses on pages: what is a secret in itself is only hinted at."""

import pytest

from bot.rules import addresses


@pytest.mark.parametrize(
    ("channel", "address", "shown"),
    [
        ("whatsapp", "+34600100200", "+34600100200"),
        ("feishu", "oc_1234", "oc_1234"),
        ("feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/0123456789ab-cdef", "https://open.feishu.cn/…cdef"),
        ("feishu/sales", "https://open.larksuite.com/open-apis/bot/v2/hook/short", "https://open.larksuite.com/…"),
        ("webhook", "https://ann:pass@example.org:8443/hook?key=1#x", "https://example.org:8443/hook?…"),
        ("webhook", "https://example.org/hook", "https://example.org/hook"),
        ("webhook", "https://[broken", "…"),
        ("webhook", "https://example.org:99999/hook", "…"),
    ],
)
def test_addresses_are_shown_without_their_secrets(channel: str, address: str, shown: str) -> None:
    assert addresses.shown(channel, address) == shown

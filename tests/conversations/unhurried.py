"""Both channels without waits for their rate limits, which have tests of their own."""

from collections.abc import Callable
from itertools import count

from adapters.channels.feishu import Config as FeishuConfig
from adapters.channels.feishu import Feishu as RealFeishu
from adapters.channels.whatsapp import Config as WhatsAppConfig
from adapters.channels.whatsapp import WhatsApp as RealWhatsApp
from adapters.http import Outbound


class Feishu(RealFeishu):
    def __init__(self, outbound: Outbound, name: str, config: FeishuConfig) -> None:
        super().__init__(outbound, name, config, monotonic=_ticking())


class WhatsApp(RealWhatsApp):
    def __init__(self, outbound: Outbound, name: str, config: WhatsAppConfig) -> None:
        super().__init__(outbound, name, config, clock=_ticking())


def _ticking() -> Callable[[], float]:
    """A clock on which half a minute has passed at each look."""
    return count(0.0, 30.0).__next__

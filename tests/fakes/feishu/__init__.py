"""A Feishu that lives in the test process and speaks on real sockets: Open API, events, long connection, custom bots.

``async with FakeFeishu() as feishu`` and then: ``feishu.say(…)``, ``feishu.press(…)``, ``feishu.shown(chat)``.
"""

from tests.fakes.feishu.model import Chat, Person, Script, Shown
from tests.fakes.feishu.server import FakeFeishu

__all__ = ["Chat", "FakeFeishu", "Person", "Script", "Shown"]

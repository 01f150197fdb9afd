"""A Tencent Cloud Chat that lives on this machine and speaks real HTTP (sources-wechat.md A8).

``model`` is its official accounts, with all that real ones do wrong; ``server`` lets them be asked.
"""

from tests.fakes.tencent.model import Account, text
from tests.fakes.tencent.server import FakeTencent

__all__ = ["Account", "FakeTencent", "text"]

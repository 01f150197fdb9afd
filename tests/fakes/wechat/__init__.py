"""Official accounts, the services and bridges that read them, and WeChat's own pages, on a real socket.

Right when left alone; each provider misbehaves on demand in the ways that real ones do (sources-wechat.md, C6).
"""

from .accounts import Account, Article
from .town import Town

__all__ = ["Account", "Article", "Town"]

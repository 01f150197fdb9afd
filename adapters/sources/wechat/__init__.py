"""Official accounts of WeChat, through services and bridges that can read them: `source` asks them all.

``settings`` say which there are.  A ``provider`` is either the ``collector``, which takes ``walks`` over the
``messages`` of one service (whose ``fields`` go by many names), or one of the ``bridges``, whose feed documents get
their time ``zones`` mended.  ``accounts`` and ``memory`` tell what is the same; ``pages`` say whose an article is.
"""

from .source import WeChat

__all__ = ["WeChat"]

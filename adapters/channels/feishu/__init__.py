"""The channel ``feishu``: Feishu and Lark, by an app over callbacks or a long connection, and by custom group bots.

``channel`` is what the program sees.  Out: ``sending`` decides what a message becomes, ``cards`` builds it, ``api``
calls the platform, ``codes`` says what its answers mean, ``hook`` serves custom bots.  In: ``callbacks`` checks who
speaks, ``events`` reads what is said, ``longconn`` (with ``frames``) holds the long connection.
"""

from adapters.channels.feishu.channel import Feishu
from adapters.channels.feishu.settings import Config

__all__ = ["Config", "Feishu"]

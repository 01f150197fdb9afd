"""The channel ``whatsapp``: the WhatsApp Business Cloud API (whatsapp.md).

``channel`` sends and receives, ``messages`` builds what is sent, ``codes`` knows what each refusal means, ``events``
reads what the platform tells us, ``numbers`` knows under how many names a person goes.
"""

from adapters.channels.whatsapp.channel import WhatsApp
from adapters.channels.whatsapp.settings import Config

__all__ = ["Config", "WhatsApp"]

"""A WhatsApp that lives on this machine and speaks real HTTP both ways (whatsapp.md 14).

``platform`` is the server, ``checks`` refuses what the real one would, ``people`` holds phones and what they show,
``callbacks`` calls our webhook: signed, in batches, again and again, as told.
"""

from bot.simulator.whatsapp_checks import Failure, Template
from tests.fakes.whatsapp.callbacks import Callbacks
from tests.fakes.whatsapp.people import Person, Shown
from tests.fakes.whatsapp.platform import FakeWhatsApp, Statuses

__all__ = ["Callbacks", "Failure", "FakeWhatsApp", "Person", "Shown", "Statuses", "Template"]

"""An independent witness: the library pywa makes the same bodies, reads what our stand-in sends, and knows its codes.

What it spells differently and the platform takes both ways (whatsapp.md 15) is made alike before comparing.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from pywa import errors
from pywa.client import WhatsApp as Peer
from pywa.handlers import CallbackButtonHandler, CallbackSelectionHandler, MessageHandler, MessageStatusHandler
from pywa.types.callback import Button as TheirButton
from pywa.types.callback import Section, SectionList, SectionRow
from pywa.types.templates import AuthenticationBody, BodyText, CopyCodeOTPButton, TemplateLanguage

from adapters.base import Button, Message
from adapters.channels.whatsapp import WhatsApp
from adapters.channels.whatsapp.codes import verdict
from tests.adapters.channels.posts import POST
from tests.adapters.channels.whatsapp.parts import ANA, Hook, chat_message, message
from tests.fakes.whatsapp import FakeWhatsApp, Statuses, Template
from tests.fakes.whatsapp.platform import APP_SECRET, PHONE_NUMBER_ID, TOKEN, VERIFY_TOKEN

Sent = list[dict[str, Any]]


@pytest.fixture
def sent() -> Sent:
    return []


@pytest.fixture
def peer(sent: Sent) -> Iterator[Peer]:
    """A client whose requests come back here."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        sent.append(body)
        contacts = [{"input": body.get("to"), "wa_id": ANA.lstrip("+")}]
        success = {"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": "wamid.OURS"}]}
        return httpx.Response(200, json=success | {"success": True})

    with httpx.Client(transport=httpx.MockTransport(answer)) as session:
        yield Peer(
            phone_id=PHONE_NUMBER_ID,
            token=TOKEN,
            session=session,
            verify_token=VERIFY_TOKEN,
            app_secret=APP_SECRET,
            server=None,
            skip_duplicate_updates=False,
            continue_handling=True,
        )


def alike(value: Any) -> Any:
    """Without differences of spelling: capitals of types, an index as a number, members at their default."""
    if isinstance(value, list):
        return [alike(one) for one in value]
    if not isinstance(value, dict):
        return value
    defaults = (("preview_url", False), ("title", ""))
    kept = {name: alike(one) for name, one in value.items() if one is not None and (name, one) not in defaults}
    for name in ("type", "sub_type"):
        if isinstance(kept.get(name), str):
            kept[name] = kept[name].lower()
    return kept | ({"index": str(kept["index"])} if "index" in kept else {})


PICTURE = "https://nasa.example/a.jpg"
WORDS = "*Launch – today*\n\nIt flies.\n\nAda · NASA\nhttps://nasa.example/launch"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (message("hello"), lambda peer: peer.send_message(ANA, "hello", tracker="msg_1")),
        (
            message("hello", reply_to="wamid.HERS"),
            lambda peer: peer.send_message(ANA, "hello", tracker="msg_1", reply_to_message_id="wamid.HERS"),
        ),
        (message(post=POST), lambda peer: peer.send_message(ANA, WORDS, preview_url=True, tracker="msg_1")),
        (
            message(post=replace(POST, image=PICTURE)),
            lambda peer: peer.send_image(ANA, PICTURE, caption=WORDS, tracker="msg_1"),
        ),
        (
            message("Stop?", buttons=(Button("Yes", "yes"), Button("No", "no"))),
            lambda peer: peer.send_message(
                ANA, "Stop?", buttons=[TheirButton("Yes", "yes"), TheirButton("No", "no")], tracker="msg_1"
            ),
        ),
        (
            message("Which?", buttons=tuple(Button(f"Feed {number}", f"feed:{number}") for number in range(4))),
            lambda peer: peer.send_message(
                ANA,
                "Which?",
                buttons=SectionList(
                    "Choose",
                    [Section("", [SectionRow(f"Feed {number}", f"feed:{number}") for number in range(4)])],
                ),
                tracker="msg_1",
            ),
        ),
        (
            message(code="482913"),
            lambda peer: peer.send_template(
                ANA,
                "login",
                TemplateLanguage.ENGLISH,
                [AuthenticationBody.params(otp="482913"), CopyCodeOTPButton.params(otp="482913")],
                tracker="msg_1",
            ),
        ),
        (
            message(event="nudge", waiting=12, window_open=False),
            lambda peer: peer.send_template(
                ANA,
                "waiting",
                TemplateLanguage.ENGLISH,
                [BodyText.params("12")],  # type: ignore[arg-type]  # "self" is missing in its signature
                tracker="msg_1",
            ),
        ),
    ],
    ids=["text", "quote", "post", "picture", "buttons", "list", "code", "nudge"],
)
async def test_it_makes_the_same_bodies(
    peer: Peer,
    sent: Sent,
    channel: WhatsApp,
    whatsapp: FakeWhatsApp,
    ours: Message,
    theirs: Callable[[Peer], Any],
) -> None:
    whatsapp.add(Template("login", parameters=1, category="AUTHENTICATION"), Template("waiting", parameters=1))
    await channel.send(ours)
    theirs(peer)
    assert alike(dict(whatsapp.accepted[0])) == alike(sent[0])


async def test_it_makes_the_same_marks(peer: Peer, sent: Sent, channel: WhatsApp, whatsapp: FakeWhatsApp) -> None:
    message_id = await whatsapp.say(ANA, "hi")
    await channel.seen(chat_message(message_id=message_id))
    peer.indicate_typing(message_id)
    assert whatsapp.marks == sent


# What our stand-in sends is what the platform sends


class Heard:
    """What the peer's handlers were given."""

    def __init__(self, peer: Peer) -> None:
        self.updates: list[Any] = []
        handlers = (MessageHandler, CallbackButtonHandler, CallbackSelectionHandler, MessageStatusHandler)
        peer.add_handlers(*(handler(lambda _, update: self.updates.append(update)) for handler in handlers))


@pytest.mark.parametrize("how", ["plain", "escaped", "spaced", "reordered"])
async def test_it_accepts_the_signature(peer: Peer, hook: Hook, whatsapp: FakeWhatsApp, how: str) -> None:
    if how != "plain":
        setattr(whatsapp.callbacks.writing, how, True)
    await whatsapp.say(ANA, "é👍")
    posted = whatsapp.callbacks.posted[-1]
    assert peer.webhook_update_validator(posted.body, posted.signature) is None
    refused = peer.webhook_update_validator(posted.body + b" ", posted.signature)
    assert refused is not None


async def test_it_reads_what_people_do(peer: Peer, hook: Hook, whatsapp: FakeWhatsApp, channel: WhatsApp) -> None:
    heard = Heard(peer)
    await channel.send(message("Stop?", buttons=(Button("Yes", "yes"),)))
    await channel.send(message("Which?", buttons=tuple(Button(f"Feed {n}", f"feed:{n}") for n in range(4))))
    await whatsapp.say(ANA, "subscribe é")
    await whatsapp.press(ANA, "Yes")
    await whatsapp.press(ANA, "Feed 3")
    await whatsapp.react(ANA, "wamid.OURS")
    for posted in whatsapp.callbacks.posted:
        assert peer.webhook_update_handler(posted.body) == ("ok", 200)
    text, button, row, reaction = heard.updates
    assert (text.text, text.from_user.wa_id, text.id) == ("subscribe é", ANA.lstrip("+"), hook.events[0].key[2:])
    assert (button.data, button.title) == ("yes", "Yes")
    assert (row.data, row.title) == ("feed:3", "Feed 3")
    assert reaction.reaction.emoji == "👍"
    assert [event.at for event in hook.events] == [update.timestamp for update in heard.updates]


async def test_it_reads_statuses(peer: Peer, hook: Hook, whatsapp: FakeWhatsApp, channel: WhatsApp) -> None:
    heard = Heard(peer)
    whatsapp.statuses = Statuses(words=("sent", "delivered", "read"))
    await channel.send(message("hello"))
    await whatsapp.quiet()
    for posted in whatsapp.callbacks.posted:
        peer.webhook_update_handler(posted.body)
    assert [(status.status.value, status.tracker) for status in heard.updates] == [
        ("sent", "msg_1"),
        ("delivered", "msg_1"),
        ("read", "msg_1"),
    ]


def test_every_code_that_it_knows_of_sending_is_known() -> None:
    kinds = (errors.AuthorizationError, errors.ThrottlingError, errors.IntegrityError, errors.SendMessageError)
    known = {code for kind in kinds for one in (kind, *kind.__subclasses__()) for code in one.__error_codes__ or ()}
    assert len(known) > 20
    assert {code for code in known if verdict(code).tries == 2} == set()

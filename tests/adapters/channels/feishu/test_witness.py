"""The vendor's SDK, which knows nothing of us, judges: what the fake sends is as the platform's, as are our frames."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.channels.feishu import Feishu
from adapters.channels.feishu.frames import DATA, Frame, decode, encode
from adapters.inbound import ChatMessage
from tests.adapters.channels.feishu.conftest import callback, heard
from tests.adapters.channels.feishu.test_callbacks import GO_TIME, flat_press
from tests.adapters.channels.feishu.test_crypto import PLAIN, SEALED
from tests.fakes.feishu import FakeFeishu, wire


class Witness:
    """The other process.  ``ask`` waits for its answer."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("lark_witness.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, question: str, **about: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"ask": question, **about}).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the witness has died"
        return json.loads(line)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="module")
def witness() -> Iterator[Witness]:
    witness = Witness()
    yield witness
    witness.close()


def dispatched(witness: Witness, feishu: FakeFeishu, document: Any, timestamp: str = "") -> Any:
    headers, body = feishu.request(document, timestamp=timestamp)
    key, token = feishu.encrypt_key, feishu.verification_token
    return witness.ask("dispatch", key=key, token=token, headers=headers, body=body.decode())


def test_it_decrypts_what_we_encrypt(witness: Witness) -> None:
    assert witness.ask("decrypt", key="test key", sealed=SEALED) == PLAIN.decode()
    text = json.dumps({"漢": "字" * 100})
    sealed = json.loads(wire.sealed("ключ", text.encode()))["encrypt"]
    assert witness.ask("decrypt", key="ключ", sealed=sealed) == text


async def test_messages_mean_the_same_to_it_and_to_us(witness: Witness, channel: Feishu, feishu: FakeFeishu) -> None:
    ada = feishu.person("Ada")
    for chat, mention in ((feishu.group("Team", ada), True), (feishu.private(ada), False)):
        said = await feishu.say(chat, ada, "hello", mention=mention)
        answer = dispatched(witness, feishu, feishu.events[-1])
        assert (answer["status"], json.loads(answer["body"])) == (200, {"msg": "success"})
        (theirs,), (ours,) = answer["heard"], await heard(channel, feishu)
        assert isinstance(ours, ChatMessage)
        assert (theirs["message"], theirs["chat"], theirs["person"]) == (ours.message_id, ours.chat, ours.sender)
        assert json.loads(theirs["content"]) == said.content
        assert theirs["chat_type"] == ("p2p" if ours.direct else "group")
        assert theirs["mentions"] == ([feishu.bot_id] if mention else [])


async def test_comings_and_goings_are_events_to_it(witness: Witness, feishu: FakeFeishu) -> None:
    ada = feishu.person("Ada")
    chat = feishu.group("Team", ada)
    await feishu.add_bot(chat, ada)
    await feishu.remove_bot(chat, ada)
    for document in feishu.events:
        answer = dispatched(witness, feishu, document)
        assert (answer["status"], answer["heard"]) == (200, [{"chat": chat.id, "person": ada.open_id}])


@pytest.mark.parametrize("timestamp", ["1700000000", GO_TIME])
async def test_presses_mean_the_same_to_it_and_to_us(
    witness: Witness, channel: Feishu, feishu: FakeFeishu, timestamp: str
) -> None:
    ada = feishu.person("Ada")
    card = feishu.show(feishu.group("Team", ada), "interactive", {}, feishu.app_id)
    document = feishu.document("card.action.trigger", feishu.pressed(card, {"v": "mute:3"}, ada))
    answer = dispatched(witness, feishu, document, timestamp)
    (theirs,), (ours,) = answer["heard"], await heard(channel, feishu, document)
    assert isinstance(ours, ChatMessage)
    assert (theirs["value"]["v"], theirs["chat"], theirs["token"]) == (ours.action, ours.chat, ours.answer_to)
    assert json.loads(answer["body"])["toast"]["content"] == "Muted."


async def test_old_presses_mean_the_same_to_it_and_to_us(witness: Witness, channel: Feishu, feishu: FakeFeishu) -> None:
    body = flat_press(feishu)
    headers = wire.card_headers("v-token", body, GO_TIME)
    answer = witness.ask("old_card", key="", token="v-token", headers=headers, body=body.decode())
    (theirs,), (ours,) = answer["heard"], (await channel.parse(callback(headers, body))).events
    assert isinstance(ours, ChatMessage)
    assert (theirs["value"]["v"], theirs["chat"], theirs["person"]) == (ours.action, ours.chat, ours.sender)


def test_it_refuses_what_we_refuse(witness: Witness, feishu: FakeFeishu) -> None:
    document = feishu.document("im.chat.member.bot.added_v1", {})
    headers, body = feishu.request(document)
    headers["X-Lark-Signature"] = "0" * 64
    answer = witness.ask("dispatch", key="test key", token="v-token", headers=headers, body=body.decode())
    assert (answer["status"], answer["heard"]) == (500, [])
    document["header"]["token"] = "other"
    assert dispatched(witness, feishu, document)["status"] == 500


def test_it_reads_our_frames_and_writes_the_same_bytes(witness: Witness) -> None:
    headers = (("type", "event"), ("message_id", "m1"), ("漢", ""))
    frame = Frame(seq_id=2**64 - 1, log_id=300, service=-5, method=DATA, headers=headers, payload=bytes(range(256)))
    theirs = witness.ask("read_frame", raw=encode(frame).hex())
    assert (theirs["seq_id"], theirs["log_id"], theirs["service"], theirs["method"]) == (2**64 - 1, 300, -5, DATA)
    assert theirs["headers"] == [list(header) for header in headers]
    assert theirs["payload"] == frame.payload.hex()
    assert theirs["again"] == encode(frame).hex()
    assert decode(bytes.fromhex(theirs["again"])) == frame


async def test_its_client_takes_the_fakes_long_connection_for_the_platforms(
    witness: Witness, feishu: FakeFeishu
) -> None:
    ada = feishu.person("Ada")
    about = {"domain": feishu.base_url, "app_id": feishu.app_id, "app_secret": feishu.app_secret}
    await asyncio.to_thread(witness.ask, "connect", **about)
    await feishu.connections.connected()
    await feishu.say(feishu.private(ada), ada, "漢" * 100)
    (theirs,) = await asyncio.to_thread(witness.ask, "heard")
    assert theirs["person"] == ada.open_id
    document = feishu.document("im.message.receive_v1", feishu.events[-1]["event"])
    assert (await feishu.connections.push(document, parts=5))["code"] == 200
    card = feishu.show(feishu.private(ada), "interactive", {}, feishu.app_id)
    press = feishu.document("card.action.trigger", feishu.pressed(card, {"v": "mute:3"}, ada))
    assert (await feishu.connections.push(press))["data"]["toast"]["content"] == "Muted."
    assert feishu.connections.pings >= 1

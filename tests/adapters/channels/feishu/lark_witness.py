"""The vendor's own SDK as a witness, in a process of its own: ``python lark_witness.py`` answers lines of JSON.

Importing the SDK whole takes five seconds and 170 MB.  Its parent packages are therefore put in place empty, so that
only what is asked for is loaded: two seconds.
"""

import json
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any


def bare(name: str, path: Path) -> None:
    """A package whose ``__init__`` does not run."""
    module = ModuleType(name)
    module.__path__ = [str(path)]
    sys.modules[name] = module


def prepare() -> None:
    spec = find_spec("lark_oapi")
    assert spec is not None
    assert spec.submodule_search_locations
    root = Path(spec.submodule_search_locations[0])
    bare("lark_oapi", root)
    bare("lark_oapi.api", root / "api")
    for api in (path for path in (root / "api").iterdir() if path.is_dir()):
        bare(f"lark_oapi.api.{api.name}", api)
        for version in api.glob("v*"):
            bare(f"lark_oapi.api.{api.name}.{version.name}", version)


class Witness:
    """Each method is a question."""

    def __init__(self) -> None:
        self._heard: list[Any] = []
        self._came = threading.Condition()

    def decrypt(self, key: str, sealed: str) -> str:
        from lark_oapi.core.utils import AESCipher

        return str(AESCipher(key).decrypt_str(sealed))

    def dispatch(self, key: str, token: str, headers: dict[str, str], body: str) -> Any:
        """What its dispatcher answers to a callback, and what its handlers were given."""
        request = self._request(headers, body)
        answer = self._handler(key, token).do(request)
        return {"status": answer.status_code, "body": answer.content.decode(), "heard": self._drain()}

    def old_card(self, key: str, token: str, headers: dict[str, str], body: str) -> Any:
        from lark_oapi.card.action_handler import CardActionHandler

        def pressed(card: Any) -> Any:
            self._hear({"value": card.action.value, "chat": card.open_chat_id, "person": card.open_id})

        handler = CardActionHandler.builder(key, token).register(pressed).build()
        answer = handler.do(self._request(headers, body))
        return {"status": answer.status_code, "heard": self._drain()}

    def read_frame(self, raw: str) -> Any:
        from lark_oapi.ws.pb.pbbp2_pb2 import Frame

        frame = Frame()
        frame.ParseFromString(bytes.fromhex(raw))
        return {
            "seq_id": frame.SeqID,
            "log_id": frame.LogID,
            "service": frame.service,
            "method": frame.method,
            "headers": [[header.key, header.value] for header in frame.headers],
            "payload": frame.payload.hex(),
            "again": frame.SerializeToString().hex(),
        }

    def connect(self, domain: str, app_id: str, app_secret: str) -> bool:
        """Hold a long connection until the process ends."""
        from lark_oapi.ws import client

        connection = client.Client(app_id, app_secret, event_handler=self._handler("", ""), domain=domain)
        threading.Thread(target=connection.start, daemon=True).start()
        return True

    def heard(self) -> Any:
        """What came over the long connection; waits for the first."""
        with self._came:
            self._came.wait_for(lambda: bool(self._heard), timeout=5)
        return self._drain()

    def _handler(self, key: str, token: str) -> Any:
        from lark_oapi.event.callback.model.p2_card_action_trigger import P2CardActionTriggerResponse
        from lark_oapi.event.dispatcher_handler import EventDispatcherHandler

        def said(data: Any) -> None:
            message = data.event.message
            self._hear(
                {
                    "event_id": data.header.event_id,
                    "message": message.message_id,
                    "chat": message.chat_id,
                    "chat_type": message.chat_type,
                    "content": message.content,
                    "person": data.event.sender.sender_id.open_id,
                    "mentions": [one.id.open_id for one in message.mentions or []],
                }
            )

        def group(data: Any) -> None:
            self._hear({"chat": data.event.chat_id, "person": data.event.operator_id.open_id})

        def pressed(data: Any) -> Any:
            event = data.event
            self._hear({"value": event.action.value, "chat": event.context.open_chat_id, "token": event.token})
            return P2CardActionTriggerResponse({"toast": {"type": "info", "content": "Muted."}})

        builder = EventDispatcherHandler.builder(key, token)
        builder.register_p2_im_message_receive_v1(said)
        builder.register_p2_im_chat_member_bot_added_v1(group)
        builder.register_p2_im_chat_member_bot_deleted_v1(group)
        builder.register_p2_im_chat_access_event_bot_p2p_chat_entered_v1(group)
        builder.register_p2_card_action_trigger(pressed)
        return builder.build()

    def _request(self, headers: dict[str, str], body: str) -> Any:
        from lark_oapi.core.model import RawRequest

        request = RawRequest()
        request.uri, request.body, request.headers = "/webhooks/feishu", body.encode(), headers
        return request

    def _hear(self, what: Any) -> None:
        with self._came:
            self._heard.append(what)
            self._came.notify()

    def _drain(self) -> list[Any]:
        with self._came:
            heard, self._heard = self._heard, []
        return heard


def main() -> None:
    prepare()
    witness, out = Witness(), sys.stdout
    sys.stdout = sys.stderr  # the SDK logs there
    for line in sys.stdin:
        question = json.loads(line)
        answer = getattr(witness, question.pop("ask"))(**question)
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main()

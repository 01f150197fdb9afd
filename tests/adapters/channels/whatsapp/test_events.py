"""Callbacks read: a table of what the platform sends and the event that it becomes (whatsapp.md 5 to 7)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.channels.whatsapp.events import read
from adapters.inbound import (
    AddressMoved,
    AnyEvent,
    ChatMessage,
    Preference,
    StatusChanged,
    Unknown,
    decode_event,
    encode_event,
)

NUMBER_ID = "200000000000001"
FROM, USER_ID = "15555550100", "US.10000000000000000001"
AT = datetime(2026, 1, 1, tzinfo=UTC)
CONTACT = {"profile": {"name": "Test User", "username": "test.user"}, "wa_id": FROM, "user_id": USER_ID}


def body(*values: dict[str, Any], field: str = "messages", number_id: str = NUMBER_ID, **more: Any) -> bytes:
    metadata = {"display_phone_number": "15555550199", "phone_number_id": number_id}
    changes = [{"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata, **v}} for v in values]
    document = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}], **more}
    return json.dumps(document).encode()


def one(value: dict[str, Any], **more: Any) -> AnyEvent:
    (event,) = read(body(value, **more), NUMBER_ID)
    assert decode_event(encode_event(event)) == event
    return event


def said(message: dict[str, Any], contact: dict[str, Any] | None = CONTACT) -> ChatMessage:
    given = {"from": FROM, "id": "wamid.HERS", "timestamp": "1767225600"} | message
    contacts = {"contacts": [contact]} if contact else {}
    event = one({**contacts, "messages": [{k: v for k, v in given.items() if v is not None}]})
    assert isinstance(event, ChatMessage)
    return event


def shown(event: Any, plain: Any) -> dict[str, Any]:
    """Where an event differs from another."""
    return {
        name: getattr(event, name) for name in event.__struct_fields__ if getattr(event, name) != getattr(plain, name)
    }


def test_a_text_message() -> None:
    assert said({"type": "text", "text": {"body": "subscribe bbc"}}) == ChatMessage(
        key="m:wamid.HERS",
        at=AT,
        chat="+15555550100",
        also=(USER_ID,),
        direct=True,
        sender=USER_ID,
        sender_also=("+15555550100",),
        sender_name="Test User",
        phone="+15555550100",
        text="subscribe bbc",
        message_id="wamid.HERS",
        opens_window=True,
    )


CONTEXT = {"from": "15555550199", "id": "wamid.OURS"}
NOTHING_OPENED = {"opens_window": False, "text": ""}


@pytest.mark.parametrize(
    ("message", "differs"),
    [
        ({"type": "text", "text": {"body": "yes"}, "context": CONTEXT}, {"text": "yes", "answers": "wamid.OURS"}),
        ({"type": "text", "text": {"body": "x"}, "context": {"forwarded": True}}, {"text": "x", "forwarded": True}),
        (
            {"type": "text", "text": {"body": "x"}, "context": {"frequently_forwarded": True}},
            {"text": "x", "forwarded": True},
        ),
        ({"type": "text", "text": {"body": "x"}, "context": {"referred_product": {}}}, {"text": "x"}),
        (
            {
                "type": "interactive",
                "context": CONTEXT,
                "interactive": {"type": "button_reply", "button_reply": {"id": "unsub:42", "title": "Unsubscribe"}},
            },
            {"text": "Unsubscribe", "action": "unsub:42", "answers": "wamid.OURS"},
        ),
        (
            {
                "type": "interactive",
                "context": CONTEXT,
                "interactive": {
                    "type": "list_reply",
                    "list_reply": {"id": "feed:7", "title": "Seven", "description": "d"},
                },
            },
            {"text": "Seven", "action": "feed:7", "answers": "wamid.OURS"},
        ),
        (
            {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": "{}"}}},
            {"text": ""},
        ),
        (
            {"type": "button", "context": CONTEXT, "button": {"payload": "STOP", "text": "Unsubscribe"}},
            {"text": "Unsubscribe", "action": "STOP", "answers": "wamid.OURS"},
        ),
        ({"type": "button", "button": {"payload": "STOP", "text": "Stop"}}, {"text": "Stop", "action": "STOP"}),
        (
            {"type": "reaction", "reaction": {"message_id": "wamid.OURS", "emoji": "👍"}},
            {"kind": "reaction", "answers": "wamid.OURS", "addressed": False, **NOTHING_OPENED},
        ),
        (
            {"type": "reaction", "reaction": {"message_id": "wamid.OURS"}},
            {"kind": "reaction", "answers": "wamid.OURS", "addressed": False, **NOTHING_OPENED},
        ),
        (
            {"type": "unsupported", "errors": [{"code": 131051}], "unsupported": {"type": "poll_creation"}},
            {"kind": "unsupported", **NOTHING_OPENED},
        ),
        ({"type": "unknown", "errors": [{"code": 131051}]}, {"kind": "unknown", **NOTHING_OPENED}),
        ({"type": "edit", "edit": {"x": 1}}, {"kind": "edit", "addressed": False, **NOTHING_OPENED}),
        ({"type": "revoke", "revoke": {"x": 1}}, {"kind": "revoke", "addressed": False, **NOTHING_OPENED}),
        ({"type": "request_welcome"}, {"kind": "request_welcome", **NOTHING_OPENED}),
        (
            {"type": "image", "image": {"caption": "look", "id": "300000000000001", "url": "https://x.example"}},
            {"kind": "image", "text": "look", "file": "300000000000001"},
        ),
        (
            {"type": "audio", "audio": {"id": "300000000000002", "voice": True}},
            {"kind": "audio", "text": "", "file": "300000000000002"},
        ),
        (
            {"type": "document", "document": {"id": "3", "filename": "feeds.opml", "caption": "import"}},
            {"kind": "document", "text": "import", "file": "3"},
        ),
        ({"type": "sticker", "sticker": {"id": "4", "animated": True}}, {"kind": "sticker", "text": "", "file": "4"}),
        ({"type": "location", "location": {"latitude": 1, "longitude": 2}}, {"kind": "location", "text": ""}),
        ({"type": "contacts", "contacts": [{"name": {}}]}, {"kind": "contacts", "text": ""}),
        ({"type": "order", "order": {}}, {"kind": "order", "text": ""}),
        ({"type": "hologram", "hologram": {}}, {"kind": "hologram", "text": ""}),
        ({"type": "text", "text": {"body": "x"}, "timestamp": 1767225600}, {"text": "x"}),
        ({"type": "text", "text": {"body": "x"}, "timestamp": "soon"}, {"text": "x", "at": None}),
        ({"type": "text", "text": {"body": "x"}, "timestamp": "9" * 30}, {"text": "x", "at": None}),
        ({"type": "text", "text": {"body": "a\0b\ud83dc"}}, {"text": "ab?c"}),
        ({"type": "text", "text": "not an object"}, {"text": ""}),
        ({"type": None, "errors": []}, {"kind": "unknown", **NOTHING_OPENED}),
    ],
)
def test_each_type_of_message(message: dict[str, Any], differs: dict[str, Any]) -> None:
    assert shown(said(message), said({"type": "text", "text": {"body": "plain"}})) == differs


@pytest.mark.parametrize(
    ("message", "contact", "names"),
    [
        ({}, CONTACT, ("+15555550100", (USER_ID,), USER_ID, "+15555550100")),
        ({}, None, ("+15555550100", (), "+15555550100", "+15555550100")),
        ({"from": None, "from_user_id": USER_ID}, None, (USER_ID, (), USER_ID, "")),
        ({"from": None}, {"user_id": USER_ID, "profile": {}}, (USER_ID, (), USER_ID, "")),
        ({"from": None}, CONTACT, ("+15555550100", (USER_ID,), USER_ID, "+15555550100")),
        (
            {"from_user_id": USER_ID, "from_parent_user_id": "US.ENT.9"},
            None,
            ("+15555550100", (USER_ID, "US.ENT.9"), USER_ID, "+15555550100"),
        ),
        (
            {"from": "5215512345678"},
            None,
            ("+5215512345678", ("+525512345678",), "+5215512345678", "+5215512345678"),
        ),
        (
            {"from": "551187654321"},
            {"wa_id": "5511987654321", "user_id": "BR.1"},
            ("+551187654321", ("BR.1", "+5511987654321"), "BR.1", "+551187654321"),
        ),
    ],
)
def test_a_person_is_found_again_under_all_their_names(
    message: dict[str, Any], contact: dict[str, Any] | None, names: tuple[Any, ...]
) -> None:
    event = said({"type": "text", "text": {"body": "x"}, **message}, contact)
    assert (event.chat, event.also, event.sender, event.phone) == names
    assert {event.sender, *event.sender_also} == {event.chat, *event.also}


def test_of_several_contacts_the_senders_is_taken() -> None:
    bob = {"wa_id": "15555550101", "user_id": "US.2", "profile": {"name": "Bob"}}
    message = {"from": FROM, "id": "wamid.A", "timestamp": "1", "type": "text", "text": {"body": "x"}}
    event = one({"contacts": [bob, CONTACT], "messages": [message]})
    assert isinstance(event, ChatMessage)
    assert event.sender_name == "Test User"
    hidden = {name: value for name, value in message.items() if name != "from"} | {"from_user_id": USER_ID}
    event = one({"contacts": [bob, CONTACT], "messages": [hidden]})
    assert isinstance(event, ChatMessage)
    assert event.sender_name == "Test User"
    event = one({"contacts": [bob, bob], "messages": [message]})
    assert isinstance(event, ChatMessage)
    assert event.sender_name == ""


@pytest.mark.parametrize(
    ("message", "moves"),
    [
        (
            {
                "from": "15555550100",
                "system": {
                    "type": "user_changed_number",
                    "body": "A changed from 1 to 2",
                    "wa_id": "15555550177",
                    "user_id": "US.2",
                    "previous_user_id": "US.1",
                },
            },
            [("m:wamid.S", "+15555550100", "+15555550177"), ("m:wamid.S:1", "US.1", "US.2")],
        ),
        (
            {"system": {"type": "user_changed_user_id", "user_id": "US.2", "previous_user_id": "US.1"}},
            [("m:wamid.S", "US.1", "US.2")],
        ),
    ],
)
def test_a_changed_number_moves_the_conversation(message: dict[str, Any], moves: list[tuple[str, str, str]]) -> None:
    given = {"id": "wamid.S", "timestamp": "1767225600", "type": "system", **message}
    events = read(body({"messages": [given]}), NUMBER_ID)
    assert events == [AddressMoved(key=key, at=AT, old=old, new=new) for key, old, new in moves]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "system", "system": {"type": "customer_identity_changed", "wa_id": "1555"}},
        {"type": "system", "system": {"type": "user_changed_number", "body": "to +15555550177"}},
        {"type": "text", "text": {"body": "x"}, "from": FROM, "group_id": "120363"},
        {"type": "text", "text": {"body": "x"}},
        {"type": "text", "text": {"body": "x"}, "from": FROM, "id": ""},
    ],
)
def test_what_cannot_be_acted_on_is_kept_for_a_look(message: dict[str, Any]) -> None:
    event = one({"messages": [{"id": "wamid.S", "timestamp": "1", **message}]})
    assert isinstance(event, Unknown)
    assert json.loads(event.raw)["type"] == message["type"]


# Statuses


STATUS = {"id": "wamid.OURS", "status": "sent", "timestamp": "1767225600", "recipient_id": FROM}
SENT = StatusChanged(key="s:wamid.OURS:sent", at=AT, message_id="wamid.OURS", status="sent", chat="+15555550100")
LATE = {"code": 131047, "title": "Re-engagement message", "error_data": {"details": "Older than 24 hours."}}


@pytest.mark.parametrize(
    ("status", "differs"),
    [
        ({}, {}),
        ({"status": "delivered"}, {"key": "s:wamid.OURS:delivered", "status": "delivered"}),
        ({"status": "read"}, {"key": "s:wamid.OURS:read", "status": "read"}),
        ({"status": "played"}, {"key": "s:wamid.OURS:played", "status": "read"}),
        ({"status": "warmed"}, {"key": "s:wamid.OURS:warmed", "status": "warmed"}),
        ({"biz_opaque_callback_data": "msg_7"}, {"delivery": "msg_7"}),
        ({"pricing": {"category": "utility"}, "conversation": {"id": "x"}}, {}),
        ({"recipient_id": None, "recipient_user_id": USER_ID}, {"chat": USER_ID}),
        ({"recipient_type": "group", "recipient_id": "120363"}, {"chat": ""}),
        (
            {"status": "failed", "errors": [LATE]},
            {
                "key": "s:wamid.OURS:failed",
                "status": "failed",
                "error_code": "131047",
                "error": "Re-engagement message: Older than 24 hours.",
                "window_closed": True,
            },
        ),
        (
            {"status": "failed", "errors": [{"code": 131026, "title": "Undeliverable", "message": "Undeliverable"}]},
            {"key": "s:wamid.OURS:failed", "status": "failed", "error_code": "131026", "error": "Undeliverable"},
        ),
        ({"status": "failed"}, {"key": "s:wamid.OURS:failed", "status": "failed"}),
    ],
)
def test_each_status(status: dict[str, Any], differs: dict[str, Any]) -> None:
    assert shown(one({"statuses": [STATUS | status]}), SENT) == differs


@pytest.mark.parametrize("status", [{"id": ""}, {"status": 3}])
def test_a_status_of_nothing_is_kept_for_a_look(status: dict[str, Any]) -> None:
    assert isinstance(one({"statuses": [STATUS | status]}), Unknown)


# Preferences


@pytest.mark.parametrize(("value", "wanted"), [("stop", False), ("resume", True), ("signup", True)])
def test_a_preference_about_marketing(value: str, wanted: bool) -> None:
    preference = {
        "wa_id": FROM,
        "detail": "…",
        "category": "marketing_messages",
        "value": value,
        "timestamp": 1767225600,
    }
    assert one({"user_preferences": [preference]}, field="user_preferences") == Preference(
        key=f"p:+15555550100:{value}:1767225600", at=AT, chat="+15555550100", wanted=wanted
    )


@pytest.mark.parametrize(
    "preference", [{"value": "perhaps"}, {"category": "colours", "value": "stop"}, {"wa_id": "", "value": "stop"}]
)
def test_another_preference_is_kept_for_a_look(preference: dict[str, str]) -> None:
    given = {"wa_id": FROM, "category": "marketing_messages", "timestamp": "1", **preference}
    assert isinstance(one({"user_preferences": [given]}, field="user_preferences"), Unknown)


# Envelopes


def message(number: int, **more: Any) -> dict[str, Any]:
    return {"from": FROM, "id": f"wamid.{number}", "timestamp": "1", "type": "text", "text": {"body": "x"}, **more}


def test_a_thousand_updates_in_one_body_are_a_thousand_events() -> None:
    values: list[dict[str, Any]] = [
        {"messages": [message(number), message(number + 1)], "statuses": [STATUS | {"id": f"wamid.{number}"}]}
        for number in range(0, 998, 3)
    ]
    entries = [
        {"id": str(n), "changes": json.loads(body(value))["entry"][0]["changes"]} for n, value in enumerate(values)
    ]
    events = read(body(entry=entries), NUMBER_ID)
    assert len({event.key for event in events}) == len(events) == 3 * len(values)


def test_what_cannot_be_read_costs_no_other() -> None:
    events = read(
        body(
            {"messages": [message(1), {"nonsense": 1}, 7, None, message(2, timestamp={}, context=[], text=[])]},
            {"statuses": [{}, STATUS], "contacts": "none", "errors": [{"code": 130429, "title": "Rate"}]},
            {"messages": {"not": "a list"}},
        ),
        NUMBER_ID,
    )
    assert [type(event).__name__ for event in events] == [
        "ChatMessage",
        "Unknown",
        "ChatMessage",
        "Unknown",
        "StatusChanged",
        "Unknown",
    ]


def test_updates_for_another_number_are_left_out() -> None:
    assert read(body({"messages": [message(1)]}, number_id="999"), NUMBER_ID) == []
    assert len(read(body({"messages": [message(1)]}, number_id="999"), "")) == 1


def test_the_number_is_a_filter_for_each_change() -> None:
    document = json.loads(body({"messages": [message(1)]}, {"messages": [message(2)]}))
    document["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = "999"
    assert [event.key for event in read(json.dumps(document).encode(), NUMBER_ID)] == ["m:wamid.2"]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (b"", "a body that is no JSON"),
        (b"{", "a body that is no JSON"),
        (b"\xff\xfe", "a body that is no JSON"),
        (b"[" * 100_000, "a body that is no JSON"),
        (b"9" * 5000, "a body that is no JSON"),
        (b"null", "a body about something else"),
        (b'{"object":"page","entry":[]}', "a body about something else"),
        (body({"event": "FLAGGED"}, field="account_update"), "the field 'account_update'"),
    ],
)
def test_a_body_that_is_not_for_us_is_one_event_to_look_at(given: bytes, what: str) -> None:
    (event,) = read(given, NUMBER_ID)
    assert isinstance(event, Unknown)
    assert event.what == what
    assert read(given, NUMBER_ID) == [event]
    assert len(event.raw.encode()) <= 4096


def test_fields_that_are_not_messages_differ_by_their_time() -> None:
    def change(time: int) -> bytes:
        entry = json.loads(body({"event": "FLAGGED"}, field="account_update"))["entry"]
        return body(entry=[entry[0] | {"time": time}])

    assert read(change(1), "")[0].key == read(change(1), "")[0].key != read(change(2), "")[0].key


def test_half_a_character_costs_no_other_update() -> None:
    document = body({"messages": [message(1, text={"body": "cut \ud83d"}), message(2)]})
    assert rb"\ud83d" in document
    assert [event.key for event in read(document, NUMBER_ID)] == ["m:wamid.1", "m:wamid.2"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("messages", "statuses", "contacts", "errors", "user_preferences", "metadata")
INNER = ("id", "from", "type", "text", "timestamp", "context", "system", "status", "errors", "reaction", "interactive")


@settings(max_examples=40)
@given(
    st.dictionaries(st.sampled_from(NAMES), JSON | st.lists(st.dictionaries(st.sampled_from(INNER), JSON), max_size=3))
)
def test_nothing_signed_can_make_it_fail(value: dict[str, Any]) -> None:
    document = {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": value}]}]}
    for event in read(json.dumps(document).encode(), NUMBER_ID):
        assert decode_event(encode_event(event)) == event
        assert "\0" not in encode_event(event).decode()

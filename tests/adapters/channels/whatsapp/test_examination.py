"""What the doctor is told of a WhatsApp number: each thing that can be missing is named, with what to do."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiohttp import web

from adapters.base import Examined, Finding
from adapters.channels.whatsapp import WhatsApp
from adapters.http import Outbound
from adapters.inbound import Callback, Refused
from bot.simulator.whatsapp_checks import Failure
from tests.clock import START
from tests.fakes.whatsapp import FakeWhatsApp, Template
from tests.fakes.whatsapp.manager import Manager
from tests.fakes.whatsapp.platform import APP_SECRET, PHONE_NUMBER_ID, TOKEN, VERIFY_TOKEN

WHOLE = {
    "business_account_id": Manager.account_id,
    "code_template": "login",
    "alert_template": "news:en",
    "nudge_template": "waiting",
}


def problems(found: Sequence[Finding]) -> list[Finding]:
    return [one for one in found if not one.ok or one.mend]


@pytest.fixture
def whole(whatsapp: FakeWhatsApp) -> FakeWhatsApp:
    """A platform where all is as it should be."""
    whatsapp.add(Template("login", category="AUTHENTICATION"), Template("news"), Template("waiting"))
    whatsapp.add(Template("login_old", "de", status="REJECTED"))
    return whatsapp


@pytest.fixture
async def door(whatsapp: FakeWhatsApp, outbound: Outbound) -> AsyncIterator[str]:
    """Our address, as the platform sees it; /other/ is not ours."""
    channel = WhatsApp(outbound, "whatsapp", whatsapp.config())

    async def take(request: web.Request) -> web.Response:
        try:
            parsed = await channel.parse(Callback("GET", request.query, request.headers, b"", START))
        except Refused as refused:
            return web.Response(status=refused.status)
        assert parsed.answer
        return web.Response(body=parsed.answer.body)

    app = web.Application()
    app.router.add_get("/webhooks/whatsapp", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/whatsapp"
    await runner.cleanup()


def number(outbound: Outbound, whatsapp: FakeWhatsApp, name: str = "whatsapp", **changes: str) -> WhatsApp:
    return WhatsApp(outbound, name, whatsapp.config(**(WHOLE | changes)))


async def test_nothing_is_missing_in_a_whole_set_up(whole: FakeWhatsApp, outbound: Outbound, door: str) -> None:
    channel = number(outbound, whole)
    assert isinstance(channel, Examined)
    found = await channel.examine(door)
    assert problems(found) == []
    assert [one.what for one in found] == [
        "the token reaches +1 555-555-0199, 'Bell'",
        "the app's secret fits the token",
        "an app is subscribed to the business account",
        "WHATSAPP_CODE_TEMPLATE, the template login, is approved (en)",
        "WHATSAPP_ALERT_TEMPLATE, the template news, is approved (en)",
        "WHATSAPP_NUDGE_TEMPLATE, the template waiting, is approved (en)",
        f"{door} answers the platform's handshake",
    ]


async def test_a_number_that_is_not_set_up_is_no_fault(outbound: Outbound) -> None:
    assert await WhatsApp(outbound).examine("") == [Finding(True, "not set up")]


@pytest.mark.parametrize(
    ("changes", "ok", "what", "mend"),
    [
        ({"token": "EAAwrong"}, False, "no access to the number: WhatsApp 190", "permanent token"),
        ({"token": ""}, False, "WHATSAPP_TOKEN is not set", "whatsapp_business_messaging"),
        ({"phone_number_id": "15555550199"}, False, "no access to the number: WhatsApp 33", "is the id beside"),
        ({"phone_number_id": ""}, False, "WHATSAPP_PHONE_NUMBER_ID is not set", "API Setup"),
        ({"api_version": "v20.0"}, False, "no access to the number: WhatsApp 2500", "WHATSAPP_API_VERSION=v20.0"),
        ({"base_url": "http://127.0.0.1:1"}, False, "no access to the number: no connection", "can this machine reach"),
        ({"app_secret": "wrong"}, False, "WHATSAPP_APP_SECRET is not the secret of the token's app", "Basic"),
        ({"app_secret": ""}, False, "WHATSAPP_APP_SECRET is not set: every callback is refused", "Basic"),
        ({"verify_token": ""}, False, "WHATSAPP_VERIFY_TOKEN is not set", "make one up"),
        ({"verify_token": "another"}, False, "refuses the platform's handshake", "WHATSAPP_VERIFY_TOKEN?"),
        ({"display_number": ""}, True, "WHATSAPP_DISPLAY_NUMBER is not set", "set it to +15555550199"),
        ({"display_number": "+34600000000"}, True, "DISPLAY_NUMBER is another number", "set it to +15555550199"),
        ({"business_account_id": ""}, True, "were not looked at", "API Setup"),
        ({"code_template": ""}, True, "WHATSAPP_CODE_TEMPLATE is not set: no codes are sent", "approved"),
        ({"code_template": "news"}, False, "is not of the category AUTHENTICATION", "create one"),
        ({"alert_template": ""}, True, "WHATSAPP_ALERT_TEMPLATE is not set: posts wait", "approved"),
        ({"alert_template": "new"}, False, "the template new, does not exist", "create it"),
        ({"alert_template": "news:en_US"}, False, "the template news, is there in en, not in en_US", "news:en"),
        ({"nudge_template": ""}, True, "WHATSAPP_NUDGE_TEMPLATE is not set", "approved"),
    ],
)
async def test_what_is_wrong_in_the_settings_is_named(
    whole: FakeWhatsApp, outbound: Outbound, door: str, changes: dict[str, str], ok: bool, what: str, mend: str
) -> None:
    [one] = problems(await number(outbound, whole, **changes).examine(door))
    assert one.ok is ok
    assert what in one.what
    assert mend in one.mend


async def test_another_business_account_is_named(whole: FakeWhatsApp, outbound: Outbound, door: str) -> None:
    found = problems(await number(outbound, whole, business_account_id="1").examine(door))
    assert "no access to the business account: WhatsApp 33" in found[0].what
    assert "WHATSAPP_BUSINESS_ACCOUNT_ID" in found[0].mend
    assert len(found) == 4  # and no template can be looked at


@pytest.mark.parametrize(
    ("change", "ok", "what", "mend"),
    [
        ({"quality_rating": "RED"}, True, "quality is red", "send less"),
        ({"code_verification_status": "NOT_VERIFIED"}, False, "the number is not verified", "Phone numbers"),
    ],
)
async def test_troubles_of_the_number_are_named(
    whole: FakeWhatsApp, outbound: Outbound, door: str, change: dict[str, str], ok: bool, what: str, mend: str
) -> None:
    whole.manager.number |= change
    [one] = problems(await number(outbound, whole).examine(door))
    assert one.ok is ok
    assert what in one.what
    assert mend in one.mend


async def test_missing_permissions_are_named(whole: FakeWhatsApp, outbound: Outbound, door: str) -> None:
    whole.manager.failures["message_templates"] = Failure(200, "no permission", 403)
    found = problems(await number(outbound, whole, alert_template="", nudge_template="").examine(door))
    assert "cannot be looked at: WhatsApp 200" in found[0].what
    assert "whatsapp_business_management" in found[0].mend
    whole.manager.failures[""] = Failure(10, "no permission", 403)
    [one] = problems(await number(outbound, whole).examine(door))
    assert "no access to the number: WhatsApp 10" in one.what
    assert "whatsapp_business_messaging" in one.mend
    whole.manager.failures[""] = Failure(100, "API calls from the server require an appsecret_proof argument")
    [one] = problems(await number(outbound, whole).examine(door))
    assert "Require app secret" in one.mend


async def test_an_account_without_a_subscribed_app_is_named(whole: FakeWhatsApp, outbound: Outbound, door: str) -> None:
    whole.manager.apps.clear()
    [one] = problems(await number(outbound, whole).examine(door))
    assert "no app is subscribed" in one.what
    assert f"POST /{Manager.account_id}/subscribed_apps" in one.mend


@pytest.mark.parametrize(
    ("templates", "ok", "what", "mend"),
    [
        ([Template("waiting", status="PENDING")], False, "is not approved (PENDING)", "wait"),
        ([Template("waiting", "de")], True, "is there in de, not in en", "set it as waiting:de"),
        ([Template("waiting", "de"), Template("waiting", "fr")], True, "is there in de, fr", "add one in English"),
    ],
)
async def test_a_template_that_cannot_be_used_is_named(
    whole: FakeWhatsApp, outbound: Outbound, door: str, templates: Any, ok: bool, what: str, mend: str
) -> None:
    del whole.templates["waiting", "en"]
    whole.add(*templates)
    [one] = problems(await number(outbound, whole).examine(door))
    assert one.ok is ok
    assert what in one.what
    assert mend in one.mend


async def test_an_address_that_the_platform_cannot_call_is_named(
    whole: FakeWhatsApp, outbound: Outbound, door: str
) -> None:
    channel = number(outbound, whole)
    for url, what in (
        ("", "WORKER_PUBLIC_BASE_URL is not set"),
        ("http://127.0.0.1:1/webhooks/whatsapp", "does not answer: no connection"),
        (door.replace("/webhooks/", "/other/"), "does not answer as ours (HTTP 404)"),
    ):
        [one] = problems(await channel.examine(url))
        assert what in one.what
    found = await number(outbound, whole, base_url="https://127.0.0.1:1").examine("http://gate.example/hook")
    assert "is not https" in found[-1].what


async def test_the_settings_of_a_second_number_are_named_as_they_are_written(
    whole: FakeWhatsApp, outbound: Outbound
) -> None:
    found = await number(outbound, whole, "whatsapp/sales", phone_number_id="").examine("")
    assert "WHATSAPP_PHONE_NUMBER_ID__SALES" in found[0].what


async def test_no_secret_is_shown(whole: FakeWhatsApp, outbound: Outbound) -> None:
    whole.manager.failures[""] = Failure(190, f"Malformed access token {TOKEN} of {APP_SECRET}, {VERIFY_TOKEN}", 401)
    said = repr(await number(outbound, whole).examine("http://127.0.0.1:1/hook"))
    assert "Malformed access token" in said
    assert not {one for one in (TOKEN, APP_SECRET, VERIFY_TOKEN) if one in said}
    assert PHONE_NUMBER_ID not in said


def test_what_an_operator_has_entered(whole: FakeWhatsApp, outbound: Outbound) -> None:
    there = number(outbound, whole).prepared
    assert (there.missing, there.called, there.token_setting) == ((), True, "WHATSAPP_VERIFY_TOKEN")
    assert there.token not in repr(there)
    assert WhatsApp(outbound).prepared.missing == (
        "WHATSAPP_TOKEN", "WHATSAPP_PHONE_NUMBER_ID", "WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN",
    )  # fmt: skip

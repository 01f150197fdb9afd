"""What is published is what is mounted, is valid, and holds against requests that nobody thought of."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from tests.bot.web.gateway import ADMIN_TOKEN, Caller, Served, signed
from tests.counts import count

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = {"/", "/healthz", "/readyz", "/openapi.json", "/docs", "/v4", "/v4/{rest}"}
PLATFORMS = "/webhooks/"  # who calls there has a contract of its own
PEOPLE = ("/console",)  # pages


async def test_what_is_published_is_what_is_mounted(served: Served) -> None:
    document = (await served.ask("GET", "/openapi.json")).body
    published = {(method.upper(), path) for path, one in document["paths"].items() for method in one}
    mounted = {
        (route.method, route.resource.canonical)
        for route in served.web.router.routes()
        if route.resource and route.resource.canonical not in OURS and route.method not in ("HEAD", "*")
    }
    mounted = {one for one in mounted if not one[1].startswith((PLATFORMS, *PEOPLE))}
    assert published == mounted
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "http://127.0.0.1:8080"}]


async def test_the_page_for_people_names_everything_and_loads_nothing(served: Served) -> None:
    page = await served.ask("GET", "/docs")
    text = page.body.decode()
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<(script|img|link|iframe)|url\(|@import|src=", text)
    document = (await served.ask("GET", "/openapi.json")).body
    for path, methods in document["paths"].items():
        assert f"<code>{path}</code>" in text
        for operation in methods.values():
            assert operation["summary"] in text


CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.ignored_auth,
]
CHECKS_OF_ENVELOPES = CHECKS[:5]  # what is wrong is answered with 200, too
EXAMPLES = count(3, 500)  # of each operation


async def test_no_request_brings_an_answer_that_is_not_published(served: Served) -> None:
    caller = await served.caller()
    number = await caller.subscribed()
    document = (await served.ask("GET", "/openapi.json")).body
    await asyncio.to_thread(_try_everything, document, caller, number)


def _try_everything(document: dict[str, Any], caller: Caller, number: str) -> None:
    schema = schemathesis.openapi.from_dict(document)
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        _try(found.ok(), caller)


def _try(operation: Any, caller: Caller) -> None:
    in_band = operation.definition.raw.get("security") == []
    more = {"params": signed(now=caller.served.clock())} if in_band else {}

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=timedelta(seconds=30),
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    def run(case: Any) -> None:
        caller.served.clock.advance(seconds=2)
        key = ADMIN_TOKEN if case.path.startswith("/admin/") else caller.key
        headers = {"x-api-key": key, "X-Forwarded-For": "2001:db8:ffff::1"}
        wanted = CHECKS_OF_ENVELOPES if in_band else CHECKS
        case.call_and_validate(base_url=caller.served.url, headers=headers, checks=wanted, **more)

    run()

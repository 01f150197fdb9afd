"""What is published is what is mounted, is valid, and holds against requests that nobody thought of."""

import re

import pytest

from tests.bot.web.gateway import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = {"/healthz", "/readyz", "/openapi.json", "/docs"}


async def test_what_is_published_is_what_is_mounted(served: Served) -> None:
    document = (await served.ask("GET", "/openapi.json")).body
    published = {(method.upper(), path) for path, one in document["paths"].items() for method in one}
    mounted = {
        (route.method, route.resource.canonical)
        for route in served.web.router.routes()
        if route.resource and route.resource.canonical not in OURS and route.method != "HEAD"
    }
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

"""What is mounted, published: OpenAPI 3.1 at /openapi.json, and for people a page at /docs that loads nothing."""

import base64
import hashlib
import html
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from bot.version import VERSION
from bot.web import wire
from bot.web.surface import REFUSED, Route, Surface

_REF = "#/components/schemas/{name}"
_LIMITS = {
    "X-RateLimit-Limit": "how many requests may be made at once",
    "X-RateLimit-Remaining": "how many of them are left",
    "X-RateLimit-Reset": "when all of them are there again, in Unix seconds",
}


def routes(surfaces: Sequence[Surface], public_base_url: str) -> list[web.RouteDef]:
    """``/openapi.json`` and ``/docs``; both are made once."""
    document = describe(surfaces, public_base_url)
    as_json = msgspec.json.format(msgspec.json.encode(document), indent=1)
    as_page, style = _page(document), base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    safe = {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }

    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(body=as_json, content_type="application/json")

    async def docs(_request: web.Request) -> web.Response:
        return web.Response(text=as_page, content_type="text/html", headers=safe)

    return [web.get("/openapi.json", openapi), web.get("/docs", docs)]


# The document


def describe(surfaces: Sequence[Surface], public_base_url: str) -> dict[str, Any]:
    """OpenAPI 3.1 of everything that these surfaces serve."""
    schemas, components = _schemas(surfaces)
    paths: dict[str, dict[str, Any]] = {}
    for surface in surfaces:
        for route in surface.routes:
            operation = _operation(surface, route, schemas)
            paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Postbell", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": public_base_url}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {name: scheme for surface in surfaces for name, scheme in surface.security.items()},
        },
    }


_ABOUT = (
    "Keys are made with `POST /apikeys` or `postbell key add`, and sent as `x-api-key` or as `Authorization: Bearer`. "
    "Each may be used 20 times a second, and 40 times at once. Times are milliseconds since 1970, and where they are "
    "texts RFC 3339 in UTC. `/admin/v1` takes `ADMIN_TOKEN` and the keys of operators."
)


Schemas = Mapping[Any, Mapping[str, Any]]
"""By type: where its schema stands."""


def _schemas(surfaces: Sequence[Surface]) -> tuple[Schemas, dict[str, Any]]:
    """Made in one go: types of several surfaces may have one name, and are then told apart everywhere."""
    types = [_problem(surface) for surface in surfaces]
    types += [t for surface in surfaces for route in surface.routes for t in _types(route)]
    each, components = msgspec.json.schema_components(types, ref_template=_REF)
    return dict(zip(types, each, strict=True)), components


def _types(route: Route) -> list[Any]:
    return [one for one in (route.answer, route.body, *route.takes.values()) if one]


def _problem(surface: Surface) -> Any:
    return type(surface.wording.body(500, REFUSED[500]))


def _operation(surface: Surface, route: Route, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [surface.title],
        "security": [{name: []} for name in surface.security],
        "responses": _responses(surface, route, schemas),
    }
    if route.description:
        operation["description"] = route.description
    if surface.always_ok:
        operation["security"] = []
    if parameters := [*_in_path(route), *_in_query(route), *_in_headers(route)]:
        operation["parameters"] = parameters
    if route.body:
        required = any(field.required for field in wire.fields(route.body))
        operation["requestBody"] = {"required": required, "content": _json(schemas[route.body])}
    if route.takes:
        content = {media_type: {"schema": schemas[model]} for media_type, model in route.takes.items()}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _responses(surface: Surface, route: Route, schemas: Schemas) -> dict[str, Any]:
    if surface.always_ok:
        return {str(route.status): {"description": "Done, or what is wrong", "content": _json(schemas[route.answer])}}
    errors = {status: list(texts) for status, texts in surface.errors_of(route).items()}
    for status in (401, 403, 429, 500, 503):
        errors.setdefault(status, []).append(REFUSED[status])
    if route.body or route.takes:
        for status in (408, 413, 415):
            errors.setdefault(status, []).append(REFUSED[status])
    headers = {name: {"description": text, "schema": {"type": "integer"}} for name, text in _LIMITS.items()}
    answers: dict[str, Any] = {
        str(route.status): {"description": "Done", "headers": headers, "content": _answer(route, schemas)}
    }
    for status, texts in sorted(errors.items()):
        named = [f"`{text}`" for text in dict.fromkeys(texts)]
        content = _json(schemas[_problem(surface)])
        answers[str(status)] = {"description": ", ".join(named), "headers": headers, "content": content}
    return answers


def _answer(route: Route, schemas: Schemas) -> dict[str, Any]:
    if route.media_type:
        return {route.media_type: {"schema": {"type": "string", "format": "binary"}}}
    return _json(schemas[route.answer])


def _in_path(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": text,
            "schema": {"type": "string", "minLength": 1},
        }
        for name, text in route.parameters.items()
    ]


def _in_query(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    (_,), found = msgspec.json.schema_components([route.query], ref_template=_REF)
    schema = found[route.query.__name__]["properties"]
    return [
        {"name": name, "in": "query", "required": False} | _described(_without_null(one))
        for name, one in schema.items()
    ]


def _described(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": schema.get("description", ""), "schema": schema}


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """In a query there is no null: what may be left out is left out."""
    kept = {name: value for name, value in schema.items() if name not in ("anyOf", "default", "enum")}
    if "enum" in schema:
        return {"type": "string", "enum": [one for one in schema["enum"] if one is not None], **kept}
    (kind,) = [one for one in schema["anyOf"] if one != {"type": "null"}]
    return {**kind, **kept}


def _in_headers(route: Route) -> list[dict[str, Any]]:
    if not route.once:
        return []
    about = (
        "Any text of yours. What is asked again under the same one within a day is not done again: "
        "the first answer is given once more."
    )
    schema = {"type": "string", "pattern": "^[!-~]{1,255}$", "examples": ["order-66"]}
    return [{"name": "Idempotency-Key", "in": "header", "required": False, "description": about, "schema": schema}]


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


# The page


_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: #222;
       background: #fff }
code, pre { font: 14px/1.4 ui-monospace, monospace }
pre { background: #f4f4f2; padding: .75rem; overflow-x: auto }
summary { cursor: pointer; padding: .4rem 0 } details { border-top: 1px solid #ddd }
b { display: inline-block; min-width: 4.5rem } dt { font-weight: 600 } dd { margin: 0 0 .5rem 1rem }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } pre { background: #242424 }
  a { color: #8bf } details { border-color: #444 } }
"""


def _page(document: Mapping[str, Any]) -> str:
    """Every operation with its fields, answers and errors; folded until it is wanted, without a line of script."""
    operations = [
        _operation_as_html(path, method, operation, document["components"]["schemas"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    about = _code(html.escape(document["info"]["description"]))
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Postbell: API</title><style>{_STYLE}</style></head><body><h1>Postbell: API</h1>"
        f'<p>{about}</p><p><a href="/openapi.json">openapi.json</a></p>{"".join(operations)}</body></html>'
    )


def _operation_as_html(path: str, method: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    parts = [f"<summary><b>{method.upper()}</b> <code>{html.escape(path)}</code> – {operation['summary']}</summary>"]
    if about := operation.get("description"):
        parts.append(f"<p>{_code(html.escape(about))}</p>")
    if parameters := operation.get("parameters"):
        parts.append(_list([(one["name"], f"in the {one['in']}: {one['description']}") for one in parameters]))
    if body := operation.get("requestBody"):
        parts.append(f"<p>Request</p>{_schema_as_html(body['content'], schemas)}")
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            parts.append(f"<p>{status}</p>{_schema_as_html(answer['content'], schemas)}")
    errors = [(status, one["description"]) for status, one in operation["responses"].items() if status >= "4"]
    return f"<details>{''.join(parts)}<p>Errors</p>{_list(errors)}</details>"


def _list(pairs: Sequence[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<dt>{html.escape(a)}</dt><dd>{_code(html.escape(b))}</dd>' for a, b in pairs)}</dl>"


def _code(text: str) -> str:
    """`this` as code."""
    pieces = text.split("`")
    return "".join(f"<code>{one}</code>" if n % 2 else one for n, one in enumerate(pieces))


def _schema_as_html(content: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    if "application/json" not in content:
        return f"<p>{_code(f'a file, `{min(content)}`')}</p>"
    shape = _shape(content["application/json"]["schema"], schemas)
    return f"<pre>{html.escape(msgspec.json.format(msgspec.json.encode(shape), indent=2).decode())}</pre>"


def _shape(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """An example-like value that shows the names and kinds of a schema."""
    if "$ref" in schema:
        return _shape(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return " | ".join(str(_shape(one, schemas)) for one in schema["anyOf"])
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    match schema.get("type"):
        case "object":
            if "properties" not in schema:
                return {"…": _shape(schema.get("additionalProperties") or {}, schemas)}
            return {name: _shape(one, schemas) for name, one in schema["properties"].items()}
        case "array":
            return [_shape(schema.get("items", {}), schemas)]
    return schema.get("type", "")

"""What the API can do, as OpenAPI and as one plain page made from it; switched on by a flag.

The usual pages load scripts from elsewhere, which the studio's content policy forbids.
"""

from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse

from app.plain_pages import STYLE
from pointins_engine import __version__

ABOUT = (
    "Everything that the pages show and do. A program sends the token of runs/.studio/<port>.json "
    "as a bearer token; docs/api.md has examples."
)
PAGE_STYLE = """
body{display:block}main{margin:32px auto;width:min(60rem,calc(100vw - 32px))}
h2{margin:28px 0 4px;font-size:15px}dl{margin:0}dt{margin:14px 0 2px;overflow-wrap:anywhere}
dd{margin:0;color:var(--quiet)}b{display:inline-block;min-width:3.4em;color:var(--before)}
b:not(.get){color:var(--prior)}
"""


def add_api_docs(server: FastAPI) -> None:
    """Put `/api/openapi.json` and `/api/docs` on `server`; before the API's last route."""

    @server.get("/api/openapi.json", include_in_schema=False)
    def description() -> dict[str, Any]:
        return describe(server)

    @server.get("/api/docs", include_in_schema=False)
    def page() -> HTMLResponse:
        return HTMLResponse(render(describe(server)))


def describe(server: FastAPI) -> dict[str, Any]:
    """The API's own addresses as OpenAPI; those that serve the pages are left out."""
    whole = get_openapi(
        title="PointINS Studio", version=__version__, description=ABOUT, routes=server.routes
    )
    paths = {path: entry for path, entry in whole["paths"].items() if path.startswith("/api/")}
    return {**whole, "paths": paths}


def render(description: dict[str, Any]) -> str:
    """The description as one page without scripts."""
    groups: dict[str, list[str]] = {}
    for path, entry in sorted(description["paths"].items()):
        for method, operation in entry.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_entry(method, path, operation, description))
    body = "".join(
        f"<h2>{escape(tag)}</h2><dl>{''.join(entries)}</dl>" for tag, entries in groups.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>API · PointINS Studio'
        '</title><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{STYLE}{PAGE_STYLE}</style></head><body><main>'
        f"<h1>The studio's API</h1><p>{escape(ABOUT)}</p>"
        f'<p><a href="/api/openapi.json">openapi.json</a></p>{body}</main></body></html>'
    )


def _entry(method: str, path: str, operation: dict[str, Any], whole: dict[str, Any]) -> str:
    asked = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    fields = _fields(body.get("schema", {}), whole)
    about = operation.get("description") or operation.get("summary", "")
    needs = "" if method == "get" else " Needs control."
    details = "".join(
        f"<dd>{what}: <code>{escape(', '.join(names))}</code></dd>"
        for what, names in (("query", asked), ("body", fields))
        if names
    )
    return (
        f'<dt><b class="{method}">{method.upper()}</b> <code>{escape(path)}</code></dt>'
        f"<dd>{escape(about)}{needs}</dd>{details}"
    )


def _fields(schema: dict[str, Any], whole: dict[str, Any]) -> list[str]:
    for choice in (schema, *schema.get("anyOf", [])):
        if "$ref" in choice:
            name = choice["$ref"].rpartition("/")[2]
            return list(whole["components"]["schemas"][name].get("properties", {}))
    return []

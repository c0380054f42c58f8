"""The gate in front of everything: pages, assets, the API and the websocket.

Pure ASGI, so that no route can be reached around it. It checks Host, then Origin, then who asks and
with which rights, and puts the security headers on every response.
"""

import re
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access import Access, Visitor, visitor
from app.plain_pages import plain_page

SAFE_METHODS = ("GET", "HEAD")
READING_POSTS = ("/_dash-update-component",)  # Dash asks by POST; its callbacks change nothing
JSON_TYPE = "application/json"
MAX_BODY_BYTES = 1024**2
MAX_SOCKETS = 256  # of the live notices, which have a lower limit of their own, and of Dash
MORE_RIGHTS = ("view", "control")  # a link that gives more than a browser has is spent on it
VIEW_ONLY = (
    "This link may look at everything and change nothing. A link with control is printed where the "
    "studio runs, and by: pointins studio --link"
)


class BodyRule(NamedTuple):
    """What the bodies of one address may be, where it is not what they are everywhere."""

    method: str
    path: str  # a regular expression for all of it
    max_bytes: int
    kind: str


EVERY_BODY = BodyRule("", "", MAX_BODY_BYTES, JSON_TYPE)


class Gate:
    """ASGI application that lets a request pass to `app`, or answers it itself.

    Args:
        app: What is behind the gate.
        access: Who may pass.
        script_hashes: Inline scripts that a browser may run.
        bodies: Addresses whose bodies may be larger, or of another kind, than others.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        script_hashes: Sequence[str] = (),
        bodies: Sequence[BodyRule] = (),
    ) -> None:
        self._app = app
        self._access = access
        self._bodies = tuple(bodies)
        self._headers = security_headers(access, script_hashes)
        self._num_sockets = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        answer = self._answer(scope) or self._app
        visitor.set(self._visitor(scope))
        await answer(scope, receive, self._with_headers(send))

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal is None and self._num_sockets >= MAX_SOCKETS:
            refusal = 503, "Too many pages of this studio are open; close some."
        if refusal is None:
            visitor.set(self._visitor(scope))
            self._num_sockets += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._num_sockets -= 1
        elif "websocket.http.response" in scope.get("extensions", {}):
            response = JSONResponse({"error": refusal[1]}, refusal[0], headers=self._headers)
            await response(scope, receive, send)
        else:
            await receive()  # websocket.connect; closing before accepting is an HTTP 403
            await send({"type": "websocket.close", "code": 1008, "reason": refusal[1][:120]})

    def _answer(self, scope: Scope) -> Response | None:
        """The gate's own response: a refusal, or the exchange of a launch link for a cookie."""
        if not self._is_known_host(scope):
            return self._refuse(scope, 400, self._wrong_host(scope))
        if scope["path"] == "/health" and scope["method"] in SAFE_METHODS:
            return JSONResponse({"status": "ok"})  # for whoever asks, so it tells nothing
        token = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("token")
        if token is not None and scope["method"] == "GET":
            return self._open(scope, token)
        refusal = self._refusal(scope)
        return None if refusal is None else self._refuse(scope, *refusal)

    def _open(self, scope: Scope, token: str) -> Response:
        known = self._visitor_of_cookie(scope)
        offered = self._access.link_rights(token)
        gains = offered is not None and (known is None or (known.rights, offered) == MORE_RIGHTS)
        if known is None and not gains:
            return self._refuse(scope, 403, "This link has been used already, or is not ours.")
        response = RedirectResponse(_without_token(scope), status_code=303)
        rights = self._access.spend_link(token) if gains else None
        if rights is not None:
            response.set_cookie(
                self._access.cookie_name,
                self._access.new_cookie(rights),
                httponly=True,
                samesite="strict",
            )
        return response

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and sentence if the request may not pass."""
        if not self._is_known_host(scope):
            return 400, self._wrong_host(scope)
        headers = Headers(scope=scope)
        bearer = self._visitor_of_bearer(headers)
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if changes:
            origin = headers.get("origin")
            if origin is None and bearer is None:
                return 403, "A request that changes something needs an Origin header."
            if origin is not None and not _is_same_origin(origin, headers["host"]):
                return 403, f"The page {origin[:100]} may not talk to this studio."
        asking = bearer or self._visitor_of_cookie(scope)
        if asking is None:
            return 401, "This studio opens with the link that was printed when it started."
        is_reading = scope["type"] == "websocket" or scope["path"] in READING_POSTS
        if changes and not is_reading and asking.rights == "view":
            return 403, VIEW_ONLY
        return _body_refusal(headers, self._body_rule(scope)) if changes else None

    def _body_rule(self, scope: Scope) -> BodyRule:
        for rule in self._bodies:
            if scope.get("method") == rule.method and re.fullmatch(rule.path, scope["path"]):
                return rule
        return EVERY_BODY

    def _is_known_host(self, scope: Scope) -> bool:
        return self._access.is_known_host(Headers(scope=scope).get("host", ""))

    def _wrong_host(self, scope: Scope) -> str:
        host = Headers(scope=scope).get("host", "")[:100]
        return (
            f"This studio does not answer to the host name {host!r}. Open it as "
            f"http://127.0.0.1:{self._access.port}, or start it with --allow-host NAME."
        )

    def _visitor(self, scope: Scope) -> Visitor | None:
        return self._visitor_of_bearer(Headers(scope=scope)) or self._visitor_of_cookie(scope)

    def _visitor_of_cookie(self, scope: Scope) -> Visitor | None:
        try:
            jar = SimpleCookie(Headers(scope=scope).get("cookie", ""))
        except CookieError:
            return None
        cookie = jar.get(self._access.cookie_name)
        return None if cookie is None else self._access.visitor_of_cookie(cookie.value)

    def _visitor_of_bearer(self, headers: Headers) -> Visitor | None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        is_bearer = kind.lower() == "bearer"
        return self._access.visitor_of_token(token.strip()) if is_bearer else None

    def _refuse(self, scope: Scope, status: int, reason: str) -> Response:
        wants_page = "text/html" in Headers(scope=scope).get("accept", "")
        if wants_page and not scope["path"].startswith("/api"):
            return plain_page(status, reason, self._access.port)
        return JSONResponse({"error": reason}, status)

    def _with_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        return send_with_headers


def security_headers(access: Access, script_hashes: Sequence[str]) -> dict[str, str]:
    """Headers of every response. No CORS header: no other origin may read an answer."""
    sockets = " ".join(f"ws://{host}:*" for host in sorted(access.hosts) if host != "[::1]")
    policy = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", *script_hashes]),
        "style-src": "'self' 'unsafe-inline'",  # the charts set inline styles
        "img-src": "'self' blob: data:",
        "connect-src": f"'self' {sockets}",
        "worker-src": "'self' blob:",
        "frame-ancestors": "'none'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "object-src": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {rule}" for name, rule in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def _body_refusal(headers: Headers, rule: BodyRule) -> tuple[int, str] | None:
    """Status and sentence if the body may not be read."""
    if "transfer-encoding" in headers:
        return 411, "The body of a request must state its length (Content-Length)."
    length = headers.get("content-length", "0")
    if length == "0":
        return None
    if not length.isdecimal() or len(length) > 12 or int(length) > rule.max_bytes:
        most = rule.max_bytes // 1024
        return 413, f"The body of a request may have {most:,} KiB at most."
    if headers.get("content-type", "").split(";")[0].strip() != rule.kind:
        return 415, f"The body of a request must be {rule.kind}."
    return None


def _is_same_origin(origin: str, host: str) -> bool:
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.strip().lower()


def _without_token(scope: Scope) -> str:
    """The path that was asked for, on this host: never a place that a request can choose."""
    path = "/" + quote(scope["path"].lstrip("/\\"), safe="/-._~")
    rest = [
        (name, value)
        for name, value in parse_qsl(scope["query_string"].decode("latin-1"))
        if name != "token"
    ]
    return f"{path}?{urlencode(rest)}" if rest else path

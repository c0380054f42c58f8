"""The gate in front of everything: pages, assets, the API and the websocket.

Pure ASGI, so that no route can be reached around it. It checks Host, then Origin, then who asks,
and puts the security headers on every response.
"""

from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access import Access
from app.plain_pages import plain_page

SAFE_METHODS = ("GET", "HEAD")
JSON_TYPE = "application/json"


class Gate:
    """ASGI application that lets a request pass to `app`, or answers it itself."""

    def __init__(self, app: ASGIApp, access: Access, script_hashes: Sequence[str] = ()) -> None:
        self._app = app
        self._access = access
        self._headers = security_headers(access, script_hashes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        answer = self._answer(scope) or self._app
        await answer(scope, receive, self._with_headers(send))

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
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
        token = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("token")
        if token is not None and scope["method"] == "GET":
            return self._open(scope, token)
        refusal = self._refusal(scope)
        return None if refusal is None else self._refuse(scope, *refusal)

    def _open(self, scope: Scope, token: str) -> Response:
        known = self._has_session(scope)
        if not known and not self._access.spend_link(token):
            return self._refuse(scope, 403, "This link has been used already, or is not ours.")
        response = RedirectResponse(_without_token(scope), status_code=303)
        if not known:
            response.set_cookie(
                self._access.cookie_name, self._access.session, httponly=True, samesite="strict"
            )
        return response

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and sentence if the request may not pass."""
        if not self._is_known_host(scope):
            return 400, self._wrong_host(scope)
        headers = Headers(scope=scope)
        bearer = self._has_bearer(headers)
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if changes:
            origin = headers.get("origin")
            if origin is None and not bearer:
                return 403, "A request that changes something needs an Origin header."
            if origin is not None and not _is_same_origin(origin, headers["host"]):
                return 403, f"The page {origin[:100]} may not talk to this studio."
            has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
            if has_body and headers.get("content-type", "").split(";")[0].strip() != JSON_TYPE:
                return 415, f"The body of a request must be {JSON_TYPE}."
        if not bearer and not self._has_session(scope):
            return 401, "This studio opens with the link that was printed when it started."
        return None

    def _is_known_host(self, scope: Scope) -> bool:
        return self._access.is_known_host(Headers(scope=scope).get("host", ""))

    def _wrong_host(self, scope: Scope) -> str:
        host = Headers(scope=scope).get("host", "")[:100]
        return (
            f"This studio does not answer to the host name {host!r}. Open it as "
            f"http://127.0.0.1:{self._access.port}, or start it with --allow-host NAME."
        )

    def _has_session(self, scope: Scope) -> bool:
        try:
            jar = SimpleCookie(Headers(scope=scope).get("cookie", ""))
        except CookieError:
            return False
        cookie = jar.get(self._access.cookie_name)
        return cookie is not None and self._access.is_session(cookie.value)

    def _has_bearer(self, headers: Headers) -> bool:
        kind, _, token = headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self._access.is_bearer(token.strip())

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

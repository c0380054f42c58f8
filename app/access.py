"""Who may talk to this studio, and with which rights: the secrets of one start, and its hosts.

Secrets are new at every start and compared in constant time. Nothing here knows of requests.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
MAX_OPEN_LINKS = 16  # unused links kept; a further one takes the place of the oldest
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?")

Rights = Literal["control", "view"]  # view looks at everything and changes nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """Who asks: what they may do, and a short name for the records that tells no secret."""

    rights: Rights
    id: str


# Set by the gate for everything that a request sets off, Dash callbacks among it.
visitor: ContextVar[Visitor | None] = ContextVar("visitor", default=None)


def only_looks() -> bool:
    """Whether the request in hand comes from somebody without the right to start anything."""
    asking = visitor.get()
    return asking is not None and asking.rights == "view"


class Access:
    """Launch links, the cookies of browsers and the token of the command line.

    A launch link opens one browser: its token is traded once for a session cookie with the link's
    rights. The API token, which may do all, is for programs of the same user, which find it in a
    file that only that user can read.
    """

    def __init__(self, port: int, extra_hosts: Iterable[str] = ()) -> None:
        self.port = port
        self.hosts = frozenset([*LOOPBACK_HOSTS, *(host.lower() for host in extra_hosts)])
        self.cookie_name = f"pointins_{port}"  # cookies are shared between ports of one host
        self.api_token = secrets.token_urlsafe(32)
        self._key = secrets.token_bytes(32)  # signs cookies
        self._links: list[tuple[str, Rights]] = []

    def new_link(self, path: str = "/", rights: Rights = "control") -> str:
        """A path with a fresh one-use token."""
        fresh = (secrets.token_urlsafe(32), rights)
        self._links = [*self._links, fresh][-MAX_OPEN_LINKS:]
        return f"{path}?token={fresh[0]}"

    def link_rights(self, token: str) -> Rights | None:
        """What an unused link gives; None if `token` is not one."""
        found = self._open_link(token)
        return None if found is None else found[1]

    def spend_link(self, token: str) -> Rights | None:
        """What `token` gives to the browser that brings it; it does so once."""
        found = self._open_link(token)
        if found is None:
            return None
        self._links.remove(found)
        return found[1]

    def new_cookie(self, rights: Rights) -> str:
        """The value of a fresh session's cookie: rights, session and signature."""
        claim = f"{rights}.{secrets.token_urlsafe(16)}"
        return f"{claim}.{self._signature(claim)}"

    def visitor_of_cookie(self, value: str) -> Visitor | None:
        claim, _, signature = value.rpartition(".")
        if not _equal(signature, self._signature(claim)):
            return None
        return Visitor(rights="view" if claim.startswith("view.") else "control", id=_short(value))

    def visitor_of_token(self, token: str) -> Visitor | None:
        """A program: with the API token, or with a link that no browser has spent."""
        rights = "control" if _equal(token, self.api_token) else self.link_rights(token)
        return None if rights is None else Visitor(rights=rights, id=_short(token))

    def is_known_host(self, header: str) -> bool:
        """Whether a Host header names this machine, with any port.

        A page of another site that points its own name at 127.0.0.1 (DNS rebinding) fails here.
        """
        match = _HOST.fullmatch(header.strip().lower())
        return match is not None and match.group(1) in self.hosts

    def _open_link(self, token: str) -> tuple[str, Rights] | None:
        found = [link for link in self._links if _equal(token, link[0])]
        return found[0] if found else None

    def _signature(self, claim: str) -> str:
        return hmac.new(self._key, claim.encode(), hashlib.sha256).hexdigest()


def _equal(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())


def _short(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:8]

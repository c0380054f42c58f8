"""Who may talk to this studio: the secrets of one start, and the hosts it answers to.

Secrets are new at every start and compared in constant time. Nothing here knows of requests.
"""

import hmac
import re
import secrets
from collections.abc import Iterable

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
MAX_OPEN_LINKS = 16  # unused links kept; a further one takes the place of the oldest
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?")


class Access:
    """Launch links, the browser's session cookie and the token of the command line.

    A launch link opens one browser: its token is traded once for the session cookie. The API token
    is for programs of the same user, which find it in a file that only that user can read.
    """

    def __init__(self, port: int, extra_hosts: Iterable[str] = ()) -> None:
        self.port = port
        self.hosts = frozenset([*LOOPBACK_HOSTS, *(host.lower() for host in extra_hosts)])
        self.cookie_name = f"pointins_{port}"  # cookies are shared between ports of one host
        self.session = secrets.token_urlsafe(32)
        self.api_token = secrets.token_urlsafe(32)
        self._links: list[str] = []

    def new_link(self, path: str = "/") -> str:
        """A path with a fresh one-use token."""
        self._links = [*self._links, secrets.token_urlsafe(32)][-MAX_OPEN_LINKS:]
        return f"{path}?token={self._links[-1]}"

    def spend_link(self, token: str) -> bool:
        """Whether `token` opens a browser; it does so once."""
        match = self._open_link(token)
        if match is not None:
            self._links.remove(match)
        return match is not None

    def is_session(self, cookie: str) -> bool:
        return _equal(cookie, self.session)

    def is_bearer(self, token: str) -> bool:
        """Whether a program may use `token`: the API token, or a link that no browser has spent."""
        return _equal(token, self.api_token) or self._open_link(token) is not None

    def is_known_host(self, header: str) -> bool:
        """Whether a Host header names this machine, with any port.

        A page of another site that points its own name at 127.0.0.1 (DNS rebinding) fails here.
        """
        match = _HOST.fullmatch(header.strip().lower())
        return match is not None and match.group(1) in self.hosts

    def _open_link(self, token: str) -> str | None:
        found = [link for link in self._links if _equal(token, link)]
        return found[0] if found else None


def _equal(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())

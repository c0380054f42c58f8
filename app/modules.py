"""The browser's modules, under an address that changes with them.

Nearly a hundred small files are fetched at once instead of level by level, and once a version
instead of once a page: a browser keeps what has a version in its address.
"""

import hashlib
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.responses import Response

from app.answers import KEPT_FOR_GOOD
from pointins_engine.errors import RunError

ENTRIES = ("viewport/main.mjs", "steering/main.mjs", "segment/main.mjs")


class Modules:
    """The modules of a folder as they were when the studio started.

    Args:
        root: The folder; imports between its modules are relative, so they hold under any address.
    """

    def __init__(self, root: Path) -> None:
        files = sorted(root.rglob("*.mjs"))
        self._texts = {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
        digest = hashlib.sha256()
        for name, text in self._texts.items():
            digest.update(name.encode() + b"\0" + text)
        self.base = f"/assets-{digest.hexdigest()[:16]}"

    def head(self) -> str:
        """Links that fetch all modules while the page is still being read."""
        return "\n".join(
            f'<link rel="modulepreload" href="{self.base}/{name}">' for name in self._texts
        )

    def scripts(self) -> str:
        """The modules that start by themselves; those of the panels are started by their charts."""
        return "\n".join(
            f'<script type="module" src="{self.base}/{name}"></script>' for name in ENTRIES
        )

    def text(self, name: str) -> bytes:
        """A module.

        Raises:
            RunError: If there is none of that name.
        """
        try:
            return self._texts[name]
        except KeyError:
            raise RunError("the page has no such module; reload it.") from None


def add_modules(server: FastAPI, modules: Modules) -> None:
    """Serve the modules; before the pages, which take every other address."""
    router = APIRouter(prefix=modules.base, include_in_schema=False)

    @router.get("/{name:path}")
    def module(name: str) -> Response:
        headers = {"Cache-Control": KEPT_FOR_GOOD}
        return Response(modules.text(name), media_type="text/javascript", headers=headers)

    server.include_router(router)

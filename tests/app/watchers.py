"""Pages without a picture: they hear notices and fetch what a page would."""

import contextlib
import json
import threading
from collections.abc import Iterator

import httpx
from websockets.sync.client import connect

from tests.app.asking import page_answers


class Watcher(threading.Thread):
    """One page on a run: the websocket, every frame it is told of, and what the panels show."""

    def __init__(self, client: httpx.Client, run: str, *, asks_panels: bool) -> None:
        super().__init__(daemon=True)
        self.fetched: list[int] = []  # steps
        self._asks_panels = asks_panels
        base = str(client.base_url).rstrip("/")
        self._client = httpx.Client(
            base_url=base, cookies=client.cookies, trust_env=False, timeout=60
        )
        self._run_id, self._base = run, base
        self._over = threading.Event()

    def run(self) -> None:
        cookie = "; ".join(f"{name}={value}" for name, value in self._client.cookies.items())
        place = f"{self._base.replace('http', 'ws')}/ws/live?run={self._run_id}"
        with connect(
            place,
            additional_headers={"Cookie": cookie},
            origin=self._base,  # type: ignore[arg-type]
            open_timeout=60,
        ) as socket:
            while not self._over.is_set():
                with contextlib.suppress(TimeoutError):
                    self._hear(json.loads(socket.recv(timeout=0.2)))

    def close(self) -> None:
        self._over.set()
        self.join()
        self._client.close()

    def _hear(self, notice: dict) -> None:
        if notice["type"] != "frame":
            return
        scene, step, version = notice["scene"], notice["step"], notice["version"]
        path = f"/api/runs/{self._run_id}/scenes/{scene}/frames/{step}"
        self._client.get(path, params={"v": version}).raise_for_status()
        if self._asks_panels:
            page_answers(self._client, self._base, self._run_id, scene, step)
        self.fetched.append(step)


@contextlib.contextmanager
def watchers(
    client: httpx.Client, run: str, count: int, *, asks_panels: bool
) -> Iterator[list[Watcher]]:
    """`count` pages at once on one run."""
    them = [Watcher(client, run, asks_panels=asks_panels) for _ in range(count)]
    for watcher in them:
        watcher.start()
    try:
        yield them
    finally:
        for watcher in them:
            watcher.close()

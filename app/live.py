"""Live notices: a small websocket that says what is new in a run. The arrays are fetched by GET.

One task polls each watched run, shared by its watchers, and ends with the last of them. A watcher
that is slow gets the newest notice of a kind, never a backlog.
"""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from app.runs import Runs
from pointins_engine.errors import RunError

POLL_S = 0.05
STATE_EVERY_S = 0.5  # state notices at least this far apart
SCALARS_EVERY_S = 1.0
LOOK_AGAIN_S = 1.0  # without a change on disk: heartbeats grow old, folders are replaced
MAX_WATCHERS = 64
MAX_MESSAGE_BYTES = 4096  # of a client; it has nothing to say but ping
TOO_MANY, UNKNOWN_RUN, TOO_LONG = 4029, 4404, 1009

Notice = dict[str, Any]


class Outbox:
    """Unsent notices of one watcher: at most one of a kind and scene, the newest."""

    def __init__(self) -> None:
        self._notices: dict[tuple[str, str], Notice] = {}
        self._filled = asyncio.Event()

    def put(self, notice: Notice) -> None:
        key = (notice["type"], notice.get("scene", ""))
        self._notices.pop(key, None)  # the newest notice goes to the end
        self._notices[key] = notice
        self._filled.set()

    async def take(self) -> Notice:
        """The oldest unsent notice, as soon as there is one."""
        while not self._notices:
            self._filled.clear()
            await self._filled.wait()
        return self._notices.pop(next(iter(self._notices)))

    def __len__(self) -> int:
        return len(self._notices)


class Watch:
    """Polls one run and tells its watchers what changed."""

    def __init__(self, runs: Runs, run_id: str, head: Notice) -> None:
        self.run_id = run_id
        self.head = head
        self.outboxes: set[Outbox] = set()
        self._runs = runs
        self._signature: tuple[Any, ...] = ()
        self._looked = self._told_state = self._told_scalars = 0.0
        self._untold_state = self._untold_scalars = False
        self._scalar_step = -1

    def hello(self) -> Notice:
        return {"type": "hello", "run": self.run_id, **self.head}

    async def run(self) -> None:
        """Poll until cancelled, or until the run is gone."""
        while True:
            await asyncio.sleep(POLL_S)
            await asyncio.to_thread(self._look)
            self._tell(time.monotonic())

    def _look(self) -> None:
        """Read what is new, if a file changed since the last look."""
        paths = self._runs.watched_files(self.run_id) if not self._signature else self._paths
        self._paths = paths
        signature = tuple(_signature(path) for path in paths)
        now = time.monotonic()
        if signature == self._signature and now - self._looked < LOOK_AGAIN_S:
            return
        self._signature, self._looked = signature, now
        self._news = self._runs.head(self.run_id)
        steps = self._runs.scalars(self.run_id).get("loss/total", ([], []))[0]
        self._news_scalar_step = steps[-1] if steps else -1

    _paths: list[Path]
    _news: Notice | None = None
    _news_scalar_step = -1

    def _tell(self, now: float) -> None:
        old, new = self.head, self._news or self.head
        replaced = new["version"] != old["version"]
        for scene, step in new["latest"].items():
            if replaced or old["latest"].get(scene) != step:
                self._send(
                    {"type": "frame", "scene": scene, "step": step, "version": new["version"]}
                )
        kept = ("status", "step", "detail")
        if any(old["state"].get(name) != new["state"].get(name) for name in kept):
            self._untold_state = True
        self._untold_scalars |= self._news_scalar_step != self._scalar_step
        self._scalar_step = self._news_scalar_step
        self.head = new
        if self._untold_state and now - self._told_state >= STATE_EVERY_S:
            self._send({"type": "state", "state": new["state"]})
            self._untold_state, self._told_state = False, now
        if self._untold_scalars and now - self._told_scalars >= SCALARS_EVERY_S:
            self._send({"type": "scalars", "step": self._scalar_step})
            self._untold_scalars, self._told_scalars = False, now

    def _send(self, notice: Notice) -> None:
        for outbox in self.outboxes:
            outbox.put({**notice, "run": self.run_id})


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


class LiveHub:
    """All watches of the server."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._watches: dict[str, tuple[Watch, asyncio.Task[None]]] = {}

    @property
    def watched(self) -> list[str]:
        return list(self._watches)

    @property
    def num_watchers(self) -> int:
        return sum(len(watch.outboxes) for watch, _ in self._watches.values())

    async def subscribe(self, run_id: str) -> tuple[Watch, Outbox]:
        """Start to watch a run; the first notice is `hello`.

        Raises:
            RunError: If there is no such run.
        """
        if run_id not in self._watches:
            head = await asyncio.to_thread(self._runs.head, run_id)
            if run_id not in self._watches:
                watch = Watch(self._runs, run_id, head)
                task = asyncio.create_task(watch.run(), name=f"watch {run_id}")
                task.add_done_callback(lambda _: self._forget(watch))
                self._watches[run_id] = (watch, task)
        watch = self._watches[run_id][0]
        outbox = Outbox()
        outbox.put(watch.hello())
        watch.outboxes.add(outbox)
        return watch, outbox

    def unsubscribe(self, watch: Watch, outbox: Outbox) -> None:
        watch.outboxes.discard(outbox)
        known = self._watches.get(watch.run_id)
        if known is not None and known[0] is watch and not watch.outboxes:
            del self._watches[watch.run_id]
            known[1].cancel()

    def ended(self, watch: Watch) -> asyncio.Task[None] | None:
        """The task behind a watch, to wait for its end."""
        known = self._watches.get(watch.run_id)
        return known[1] if known is not None and known[0] is watch else None

    def _forget(self, watch: Watch) -> None:
        known = self._watches.get(watch.run_id)
        if known is not None and known[0] is watch:
            del self._watches[watch.run_id]


def add_live(server: FastAPI, hub: LiveHub) -> None:
    """Put the websocket on `server`."""

    @server.websocket("/ws/live")
    async def live(socket: WebSocket, run: str = "") -> None:
        await socket.accept()
        if hub.num_watchers >= MAX_WATCHERS:
            await socket.close(TOO_MANY, "too many pages are open")
            return
        try:
            watch, outbox = await hub.subscribe(run)
        except RunError:
            await socket.close(UNKNOWN_RUN, "no such run")
            return
        try:
            await _serve(socket, hub.ended(watch), outbox)
        finally:
            hub.unsubscribe(watch, outbox)


async def _serve(socket: WebSocket, watching: asyncio.Task[None] | None, outbox: Outbox) -> None:
    """Send notices until the client leaves or the run is gone."""
    sending = asyncio.create_task(_send_all(socket, outbox))
    hearing = asyncio.create_task(_hear(socket))
    tasks: set[asyncio.Task[Any]] = {sending, hearing}
    try:
        await asyncio.wait(
            tasks | ({watching} if watching else set()), return_when=asyncio.FIRST_COMPLETED
        )
        if watching is not None and watching.done() and not hearing.done():
            await socket.close(UNKNOWN_RUN, "the run is gone")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send_all(socket: WebSocket, outbox: Outbox) -> None:
    while True:
        await socket.send_text(json.dumps(await outbox.take(), separators=(",", ":")))


async def _hear(socket: WebSocket) -> None:
    """Take what a client says, which is nothing but ping; returns when it leaves."""
    try:
        while True:
            if len(await socket.receive_text()) > MAX_MESSAGE_BYTES:
                await socket.close(TOO_LONG, "message too long")
                return
    except (WebSocketDisconnect, KeyError):  # KeyError: a binary message
        return

"""Live notices: a small websocket that says what is new in a run. The arrays are fetched by GET.

One task polls each watched run, shared by its watchers, and ends with the last of them. A watcher
that is slow gets the newest notice of a kind, never a backlog; one that reads nothing at all is cut
off after a while and comes back by itself.
"""

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import anyio
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from app.runs import Runs
from pointins_engine.errors import RunError

POLL_S = 0.05
STATE_EVERY_S = 0.5  # state notices at least this far apart
SCALARS_EVERY_S = 1.0
LOOK_AGAIN_S = 1.0  # without a change on disk: heartbeats grow old, folders are replaced
MAX_WATCHERS = 64
MAX_MESSAGE_BYTES = 4096  # of a client; it has nothing to say but ping
CLOSE_S = 1.0  # a client that reads nothing does not read its dismissal either
SEND_S = 30.0  # a notice that a client has not taken by then ends its connection
TOO_MANY, UNKNOWN_RUN, NOT_READ, TOO_LONG = 4029, 4404, 4408, 1009

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
        self.outboxes: set[Outbox] = set()
        self._runs = runs
        self._head = head
        self._scalar_step = runs.last_scalar_step(run_id)
        self._last_event = runs.last_event(run_id)
        self._signature: list[tuple[int, int, int] | None] = []
        self._looked_at = self._told_state_at = self._told_scalars_at = 0.0
        self._owes_state = self._owes_scalars = False

    def hello(self) -> Notice:
        return {"type": "hello", "run": self.run_id, **self._head}

    async def run(self) -> None:
        """Poll until cancelled, or until the run is gone."""
        try:
            while True:
                await asyncio.sleep(POLL_S)
                news = await asyncio.to_thread(self._look)
                if news is not None:
                    self._compare(*news)
                self._tell_owed(time.monotonic())
        except RunError:
            return

    def _look(self) -> tuple[Notice, int, int] | None:
        """Head, last scalar step and last event, if a file changed or the last look is long ago."""
        files = self._runs.watched_files(self.run_id)
        signature = [_signature(path) for path in files]
        now = time.monotonic()
        if signature == self._signature and now - self._looked_at < LOOK_AGAIN_S:
            return None
        self._signature, self._looked_at = signature, now
        return (
            self._runs.head(self.run_id),
            self._runs.last_scalar_step(self.run_id),
            self._runs.last_event(self.run_id),
        )

    def _compare(self, new: Notice, scalar_step: int, last_event: int) -> None:
        old, self._head = self._head, new
        for scene, step in new["latest"].items():
            if new["version"] != old["version"] or old["latest"].get(scene) != step:
                self._send(type="frame", scene=scene, step=step, version=new["version"])
        fields = ("status", "step", "detail")
        self._owes_state |= any(old["state"].get(f) != new["state"].get(f) for f in fields)
        self._owes_scalars |= scalar_step != self._scalar_step
        self._scalar_step = scalar_step
        if last_event != self._last_event:
            self._last_event = last_event
            self._send(type="events", next=last_event)

    def _tell_owed(self, now: float) -> None:
        """State and scalars, not more often than a page wants to draw them."""
        if self._owes_state and now - self._told_state_at >= STATE_EVERY_S:
            self._send(type="state", state=self._head["state"])
            self._owes_state, self._told_state_at = False, now
        if self._owes_scalars and now - self._told_scalars_at >= SCALARS_EVERY_S:
            self._send(type="scalars", step=self._scalar_step)
            self._owes_scalars, self._told_scalars_at = False, now

    def _send(self, **notice: Any) -> None:
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
    async with anyio.create_task_group() as group:

        async def send() -> None:
            with _nobody_listens():
                while await _is_taken(socket, await outbox.take()):
                    continue
                with anyio.move_on_after(CLOSE_S):
                    await socket.close(NOT_READ, "the page has stopped reading")
            group.cancel_scope.cancel()

        async def hear() -> None:
            await _hear(socket)
            group.cancel_scope.cancel()

        async def leave_with_the_run() -> None:
            if watching is not None:
                await asyncio.wait({watching})
            with _nobody_listens():
                await socket.close(UNKNOWN_RUN, "the run is gone")
            group.cancel_scope.cancel()

        for task in (send, hear, leave_with_the_run):
            group.start_soon(task)


async def _is_taken(socket: WebSocket, notice: Notice) -> bool:
    """Send a notice; false if the client's buffers stay full, so that nothing piles up here."""
    with anyio.move_on_after(SEND_S) as patience:
        await socket.send_text(json.dumps(notice, separators=(",", ":")))
    return not patience.cancelled_caught


def _nobody_listens() -> contextlib.suppress:
    """A socket that closes while something is being said, as all do when the server ends.

    The server says so by a RuntimeError where it has closed the socket itself.
    """
    return contextlib.suppress(WebSocketDisconnect, RuntimeError)


async def _hear(socket: WebSocket) -> None:
    """Take what a client says, which is nothing but ping; returns when it leaves."""
    with _nobody_listens(), contextlib.suppress(KeyError):  # KeyError: a binary message
        while len(await socket.receive_text()) <= MAX_MESSAGE_BYTES:
            continue
        await socket.close(TOO_LONG, "message too long")

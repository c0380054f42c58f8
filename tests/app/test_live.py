"""The live hub says what is new within a poll, and never builds a backlog for a slow watcher."""

import asyncio
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.live import POLL_S, SCALARS_EVERY_S, UNKNOWN_RUN, LiveHub, Outbox, _serve
from app.runs import Runs
from pointins_engine.errors import RunError
from pointins_engine.run_log.store import RunStore
from pointins_engine.run_log.writer import RunWriter
from tests.app.studio_fixtures import ORIGIN
from tests.recorded_run import append_frame, open_recorded_run, write_recorded_run

POINTS = 300
PATIENCE_S = 10.0  # a notice that takes longer never comes


@pytest.fixture
def writer(tmp_path: Path):
    writer = open_recorded_run(tmp_path / "rooms", num_points=POINTS)
    append_frame(writer, 0, num_points=POINTS)
    yield writer
    writer.close("stopped")


@pytest.fixture
def hub(tmp_path: Path) -> LiveHub:
    return LiveHub(Runs(RunStore(tmp_path)))


async def next_of(outbox: Outbox, kind: str) -> dict:
    """The next notice of a kind; others are passed over."""
    async with asyncio.timeout(PATIENCE_S):
        while (notice := await outbox.take())["type"] != kind:
            pass
    return notice


def test_the_first_notice_says_where_the_run_is(writer, hub):
    async def watch():
        watch, outbox = await hub.subscribe("rooms")
        hello = await outbox.take()
        hub.unsubscribe(watch, outbox)
        return hello

    hello = asyncio.run(watch())
    assert (hello["type"], hello["run"]) == ("hello", "rooms")
    assert hello["latest"] == {"room_0001": 0}
    assert hello["state"]["status"] == "running"
    assert hello["version"].endswith("-0")


def test_a_new_frame_is_announced(writer, hub):
    async def watch():
        watch, outbox = await hub.subscribe("rooms")
        await next_of(outbox, "hello")
        await asyncio.to_thread(append_frame, writer, 5, num_points=POINTS)
        frame = await next_of(outbox, "frame")
        hub.unsubscribe(watch, outbox)
        return frame

    frame = asyncio.run(watch())
    assert (frame["scene"], frame["step"], frame["run"]) == ("room_0001", 5, "rooms")
    assert frame["version"].endswith("-0")


def test_state_and_scalars_follow(writer, hub):
    async def watch():
        watch, outbox = await hub.subscribe("rooms")
        await next_of(outbox, "hello")
        append_frame(writer, 5, num_points=POINTS)
        writer.state("stopped", "asked to")
        notices = {}
        while set(notices) != {"state", "scalars"}:
            async with asyncio.timeout(PATIENCE_S):
                notice = await outbox.take()
            if notice["type"] == "scalars" or notice.get("state", {}).get("status") == "stopped":
                notices[notice["type"]] = notice
        hub.unsubscribe(watch, outbox)
        return notices["scalars"], notices["state"]

    scalars, state = asyncio.run(watch())
    assert scalars["step"] == 5
    assert state["state"]["detail"] == "asked to"


def test_a_slow_watcher_gets_the_newest_notice_of_a_kind():
    outbox = Outbox()
    for step in range(1000):
        outbox.put({"type": "frame", "scene": "a", "step": step})
        outbox.put({"type": "state", "state": {"step": step}})
    outbox.put({"type": "frame", "scene": "b", "step": 1})
    assert len(outbox) == 3

    async def drain():
        return [await outbox.take() for _ in range(3)]

    notices = asyncio.run(drain())
    assert [n.get("step") for n in notices if n["type"] == "frame"] == [999, 1]


def test_many_frames_between_two_polls_are_one_notice(writer, hub):
    async def watch():
        watch, outbox = await hub.subscribe("rooms")
        await next_of(outbox, "hello")
        for step in (5, 10, 15):
            append_frame(writer, step, num_points=POINTS)  # the loop cannot poll meanwhile
        frame = await next_of(outbox, "frame")
        await asyncio.sleep(3 * POLL_S)
        rest = len(outbox)
        hub.unsubscribe(watch, outbox)
        return frame, rest

    frame, rest = asyncio.run(watch())
    assert frame["step"] == 15
    assert rest <= 2, "state and scalars at most"


def test_scalars_are_not_announced_more_than_once_a_second(writer, hub):
    async def watch():
        watch, outbox = await hub.subscribe("rooms")
        await next_of(outbox, "hello")
        times = []
        for step in (5, 10):
            append_frame(writer, step, num_points=POINTS)
            await next_of(outbox, "scalars")
            times.append(time.monotonic())
        hub.unsubscribe(watch, outbox)
        return times

    first, second = asyncio.run(watch())
    assert second - first > 0.9 * SCALARS_EVERY_S


def test_watchers_share_one_poll_and_the_last_one_ends_it(writer, hub):
    async def watch():
        first = await hub.subscribe("rooms")
        second = await hub.subscribe("rooms")
        shared = first[0] is second[0]
        task = hub.ended(first[0])
        hub.unsubscribe(*first)
        still = hub.watched
        hub.unsubscribe(*second)
        await asyncio.gather(task, return_exceptions=True)
        return shared, still, hub.watched, task.done()

    assert asyncio.run(watch()) == (True, ["rooms"], [], True)


def test_a_resume_is_announced_under_a_new_version(tmp_path, hub):
    write_recorded_run(tmp_path / "rooms", num_frames=3, num_points=POINTS)
    config = RunStore(tmp_path).run("rooms").config

    async def watch():
        watch, outbox = await hub.subscribe("rooms")
        await next_of(outbox, "hello")
        writer = RunWriter.reopen(tmp_path / "rooms", step=10, config=config)
        frame = await next_of(outbox, "frame")
        writer.close("stopped")
        hub.unsubscribe(watch, outbox)
        return frame

    frame = asyncio.run(watch())
    assert frame["version"].endswith("-1")
    assert frame["step"] == 10, "frames after the checkpoint are gone"


def test_a_run_that_is_deleted_ends_its_watch(writer, tmp_path, hub):
    async def watch():
        watch, outbox = await hub.subscribe("rooms")
        task = hub.ended(watch)
        (tmp_path / "rooms/run.json").rename(tmp_path / "elsewhere")
        async with asyncio.timeout(PATIENCE_S):
            await task
        (tmp_path / "elsewhere").rename(tmp_path / "rooms/run.json")
        return hub.watched, outbox

    assert asyncio.run(watch())[0] == []


def test_a_run_that_is_not_there_cannot_be_watched(hub):
    with pytest.raises(RunError, match="no run is called"):
        asyncio.run(hub.subscribe("nope"))
    assert hub.watched == []


def test_a_websocket_of_a_run_that_is_not_there_is_closed(client):
    address = f"{ORIGIN.replace('http', 'ws')}/ws/live?run=nope"
    with client.websocket_connect(address, headers={"Origin": ORIGIN}) as socket:
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == UNKNOWN_RUN


def test_what_happens_is_announced_and_a_pause_is_a_state(writer, hub):
    async def watch():
        watch, outbox = await hub.subscribe("rooms")
        await next_of(outbox, "hello")
        before = Runs(RunStore(writer.paths.root.parent)).events("rooms")["next"]
        writer.event("edit", 0, id="x", by="cli", values={}, text="")
        events = await next_of(outbox, "events")
        writer.state("paused", "Paused at step 0.")
        state = await next_of(outbox, "state")
        hub.unsubscribe(watch, outbox)
        return before, events["next"], state["state"]["status"]

    before, after, status = asyncio.run(watch())
    assert after == before + 1
    assert status == "paused"


def test_a_client_that_reads_nothing_holds_a_bounded_amount_and_is_let_go(monkeypatch):
    """The real server and a real socket; the notices are far larger than those of a run."""
    monkeypatch.setattr("app.live.SEND_S", 0.2)
    monkeypatch.setattr("app.live.CLOSE_S", 0.1)
    sent, ended = [], threading.Event()

    class Flood(Outbox):
        async def take(self) -> dict:
            sent.append(1)
            return {"type": "flood", "text": "x" * 64 * 1024}

    async def live(scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await _serve(socket, None, Flood())
        ended.set()

    listener = socket.create_server(("127.0.0.1", 0))
    server = serve_in_thread(live, listener)
    with socket.create_connection(listener.getsockname()) as client:
        client.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert ended.wait(PATIENCE_S), "it is let go"
        assert len(sent) < 400, "25 MB: what the system's own buffers take, and no more"
    server.should_exit = True


def serve_in_thread(application: ASGIApp, listener: socket.socket) -> uvicorn.Server:
    """uvicorn as the studio sets it up."""
    config = uvicorn.Config(
        application,  # type: ignore[arg-type]
        log_level="critical",
        ws="websockets-sansio",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, args=([listener],), daemon=True).start()
    return server

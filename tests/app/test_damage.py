"""Whatever happens to a run folder while it is watched: a sentence, no crash, other runs go on."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access import Access
from app.live import LiveHub
from app.runs import Runs
from app.server import create_app
from pointins_engine.errors import RunError
from pointins_engine.run_log import files
from pointins_engine.run_log.store import Run, RunStore
from tests.app.asking import is_sound, page_answers, routes_of
from tests.app.studio_fixtures import ORIGIN, PNG, PORT, TestClient
from tests.recorded_run import write_recorded_run

ROOT = Path(__file__).parents[2]
POINTS = 300
SCENE = "room_0001"
PATIENCE_S = 20.0

# A trainer as far as its run folder can tell: it writes, and ends as a trainer ends.
TRAINER = """
import resource, sys
from pathlib import Path
from pointins_engine.training.lifecycle import closing_run
from pointins_engine.world import ALONE
from tests.recorded_run import append_frame, open_recorded_run
root = Path(sys.argv[1])
writer = open_recorded_run(root, num_points=300)
append_frame(writer, 0, num_points=300)
writer.progress(0, 0.5, 30.0)
print("running", flush=True)
limit = int(sys.stdin.readline())  # bytes that a file may have from now on
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
with closing_run(writer, ALONE):
    for step in range(10, 1000, 10):
        append_frame(writer, step, num_points=300)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The run that things happen to, and another one."""
    for name in ("rooms", "other"):
        write_recorded_run(tmp_path / name, num_frames=2, num_points=POINTS, scenes=(SCENE,))
    return tmp_path


@pytest.fixture
def runs(folder: Path) -> Runs:
    """Read once, as by somebody who was watching before anything happened."""
    runs = Runs(RunStore(folder))
    for run_id in ("rooms", "other"):
        runs.details(run_id)
    return runs


def cuts_of(path: Path, *, last_line: bool) -> Iterator[int]:
    """Cuts the file at each byte of its last line, or of all of it, and at last mends it."""
    whole = path.read_bytes()
    start = whole.rstrip(b"\n").rfind(b"\n") + 1 if last_line else 0
    for length in range(len(whole) - 1, start - 1, -1):
        with path.open("rb+") as file:
            file.truncate(length)
        yield length
    path.write_bytes(whole)


def shorten(stats: Path) -> None:
    """Leave the figures out, so that a line is not longer than this test needs."""
    lines, _ = files.read_lines(stats)
    short = [{**line, "odr": {"mean_m": line["odr"]["mean_m"]}, "scr": {}} for line in lines]
    stats.write_text("".join(json.dumps(line) + "\n" for line in short))


def glanced_at(runs: Runs, run_id: str) -> str:
    """What a poll asks of a run; the sentence that it is refused with, or nothing."""
    try:
        runs.head(run_id)
        runs.last_event(run_id)
        runs.last_scalar_step(run_id)
        runs.frames(run_id, SCENE)
    except RunError as error:
        return str(error)
    return ""


def looked_at(runs: Runs, run_id: str) -> str:
    """The same of what a page asks."""
    try:
        runs.details(run_id)
        runs.trainer(run_id)
        runs.events(run_id)
        runs.step_marks(run_id)
        runs.scalars(run_id)
        runs.stats_series(run_id, SCENE)
    except RunError as error:
        return str(error)
    return glanced_at(runs, run_id)


@pytest.mark.parametrize("name", ["events.jsonl", "stats.jsonl"])
def test_a_last_line_cut_at_any_byte_hides_nothing_but_itself(folder, runs, name):
    shorten(folder / "rooms/stats.jsonl")
    before = len(files.read_lines(folder / "rooms" / name)[0])
    for length in cuts_of(folder / "rooms" / name, last_line=True):
        look = looked_at if length % 16 == 0 else glanced_at
        assert look(runs, "rooms") == "", f"{name} cut at byte {length}"
        assert len(files.read_lines(folder / "rooms" / name)[0]) == before - 1
    assert looked_at(runs, "rooms") == ""
    assert runs.frames("rooms", SCENE)["steps"] == [0, 10], "whole again, all is there again"


def test_a_state_cut_at_any_byte_is_a_run_whose_state_is_not_known(folder, runs):
    for length in cuts_of(folder / "rooms/state.json", last_line=False):
        look = looked_at if length % 16 == 0 else glanced_at
        assert look(runs, "rooms") == "", f"cut at byte {length}"
        assert runs.frames("rooms", SCENE)["steps"] == [0, 10]
    assert runs.summary("rooms")["status"] == "finished"


def test_a_record_cut_at_any_byte_is_a_row_that_says_so(folder, runs):
    for length in cuts_of(folder / "rooms/run.json", last_line=False):
        rows = {row["id"]: row for row in runs.summaries()} if length % 50 == 0 else {}
        said = glanced_at(runs, "rooms")
        if said:
            assert "run.json" in said, f"cut at byte {length}: {said}"
        else:  # only the line feed at the end is missing
            assert length == (folder / "rooms/run.json").stat().st_size
            json.loads((folder / "rooms/run.json").read_bytes())
        if rows:
            assert rows["rooms"]["status"] == "damaged"
            assert rows["other"]["status"] == "finished"
    assert looked_at(runs, "rooms") == ""


def test_an_array_file_cut_at_any_byte_is_named_with_its_fault(folder):
    run = Run(folder / "rooms")
    path = run.paths.frame(SCENE, 10)
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    for length in [*range(header), *range(header, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(RunError, match=r"00000010\.safetensors cannot be read"):
            run.load_frame(SCENE, 10)
    path.write_bytes(whole)
    assert set(run.load_frame(SCENE, 10))


DAMAGES = {
    "record": lambda run: (run / "run.json").write_bytes(b'{"schema'),
    "a record of another shape": lambda run: (run / "run.json").write_text("[]"),
    "state": lambda run: (run / "state.json").write_bytes(b""),
    "a state of another shape": lambda run: (run / "state.json").write_text('{"status": 3}'),
    "events": lambda run: (run / "events.jsonl").write_bytes(os.urandom(3000)),
    "events of another shape": lambda run: (run / "events.jsonl").write_text('{"kind": []}\n7\n'),
    "stats": lambda run: (run / "stats.jsonl").write_text('{"step": "x"}\n{"scene": 1}\n'),
    "scene": lambda run: (run / f"scenes/{SCENE}.safetensors").write_bytes(b"\xff" * 40),
    "frame": lambda run: (run / f"frames/{SCENE}/00000010.safetensors").write_bytes(b""),
    "log": lambda run: (run / "log.txt").write_bytes(b"\xff\x00" * 900),
    "frames": lambda run: shutil.rmtree(run / "frames"),
    "everything": shutil.rmtree,
}


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    """A browser that is let in; a fault of the studio is an answer 500, as for a browser."""
    access = Access(PORT)
    app = create_app(RunStore(folder), access, render=lambda scene, frame: PNG)
    with TestClient(app, ORIGIN, raise_server_exceptions=False, follow_redirects=False) as client:
        assert client.get(access.new_link()).status_code == 303
        yield client


def test_every_answer_about_a_damaged_run_is_sound_and_the_other_run_goes_on(folder, client):
    shutil.copytree(folder / "rooms", folder.parent / "whole")
    faults = []
    for damage, strike in DAMAGES.items():
        strike(folder / "rooms")
        for route in routes_of("rooms", SCENE, 10):
            if not is_sound(answer := client.get(route)):
                faults.append(f"{damage}, {route}: {answer.status_code} {answer.text[:200]}")
        for output, answer in page_answers(client, ORIGIN, "rooms", SCENE, 10).items():
            if answer.status_code not in (200, 204):
                faults.append(f"{damage}, {output[:40]}: {answer.text[:200]}")
        for route in routes_of("other", SCENE, 10):
            if client.get(route).status_code != 200:
                faults.append(f"{damage}, the other run: {route}")
        shutil.rmtree(folder / "rooms", ignore_errors=True)
        shutil.copytree(folder.parent / "whole", folder / "rooms")
        if (mended := client.get("/api/runs/rooms").json()).get("status") != "finished":
            faults.append(f"after {damage}: {mended}")
    assert faults == []


# -- while it is written -------------------------------------------------------------------------


@pytest.fixture
def trainer(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Writes the run `live` beside the others; waits with its first frame there."""
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINER, str(folder / "live")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "running\n"
    yield process
    process.kill()
    process.communicate()


def limit_files(trainer: subprocess.Popen[str], limit: int) -> str:
    """No file of the trainer may grow beyond `limit` bytes; what it says at its end."""
    _, said = trainer.communicate(f"{limit}\n", timeout=PATIENCE_S)
    assert trainer.returncode != 0
    return said


async def news_until(runs: Runs, run_id: str, status: str, strike) -> dict:
    """Watch a run, strike, and go on watching until its state has a status."""
    hub = LiveHub(runs)
    watch, outbox = await hub.subscribe(run_id)
    assert (await outbox.take())["state"]["status"] == "running"
    await asyncio.to_thread(strike)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            notice = await outbox.take()
            if notice["type"] == "state" and notice["state"]["status"] == status:
                hub.unsubscribe(watch, outbox)
                return notice["state"]


def test_a_killed_trainer_is_told_to_those_who_watch(trainer, runs):
    def kill() -> None:
        trainer.kill()
        trainer.wait()

    state = asyncio.run(news_until(runs, "live", "lost", kill))
    assert state["detail"] == "The trainer was cut off at step 0: its process has ended."
    assert runs.summary("other")["status"] == "finished"
    assert runs.frames("live", SCENE)["steps"] == [0]


def test_a_disk_that_is_full_fails_the_run_with_the_file_and_the_reason(trainer, runs, folder):
    """By a limit on the size of files, which needs no rights: only the state still fits."""
    limit = (folder / "live/events.jsonl").stat().st_size
    said = []
    state = asyncio.run(
        news_until(runs, "live", "failed", lambda: said.append(limit_files(trainer, limit)))
    )
    assert "cannot be written" in state["detail"], state["detail"]
    assert "cannot be written" in said[0]
    assert runs.frames("live", SCENE)["steps"] == [0], "what was there is there"


def test_where_nothing_can_be_written_any_more_the_run_reads_as_lost(trainer, runs):
    state = asyncio.run(news_until(runs, "live", "lost", lambda: limit_files(trainer, 0)))
    assert "its process has ended" in state["detail"]


def test_a_run_that_is_deleted_while_it_is_written_ends_in_words(trainer, runs, folder):
    async def watch() -> None:
        hub = LiveHub(runs)
        watch, outbox = await hub.subscribe("live")
        ended = hub.ended(watch)
        assert ended is not None
        await asyncio.to_thread(shutil.rmtree, folder / "live")
        async with asyncio.timeout(PATIENCE_S):
            await ended
        hub.unsubscribe(watch, outbox)

    asyncio.run(watch())
    with pytest.raises(RunError, match="no run is called 'live'"):
        runs.details("live")
    assert "live" in limit_files(trainer, 10**9), "the trainer names what it cannot write"
    assert runs.summary("other")["status"] == "finished"

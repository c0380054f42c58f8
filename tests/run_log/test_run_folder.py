"""What the writer writes, the store reads: live, resumed, killed, copied."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pointins_engine.config import RunConfig
from pointins_engine.errors import RunError
from pointins_engine.run_log import files
from pointins_engine.run_log.records import (
    FRAME_ARRAYS,
    ODR_STATS,
    SCALARS,
    SCENE_ARRAYS,
    SCR_STATS,
    STATS,
)
from pointins_engine.run_log.retention import superseded
from pointins_engine.run_log.store import Run, RunStore
from pointins_engine.run_log.writer import RunWriter
from tests.recorded_run import CONFIG, append_frame, open_recorded_run, write_recorded_run


def reopened(root: Path, step: int) -> RunWriter:
    return RunWriter.reopen(root, step=step, config=CONFIG)


def test_a_recorded_run_reads_back(tmp_path: Path):
    write_recorded_run(tmp_path / "rooms", num_frames=3)
    run = RunStore(tmp_path).run("rooms")
    assert run.scenes() == ["room_0001", "room_0002"]
    assert run.frames("room_0001") == [0, 10, 20]
    assert run.latest_frame("room_0001") == 20
    assert run.state()["status"] == "finished"
    assert run.config == CONFIG
    steps, values = run.scalars()["loss/total"]
    assert steps == [0, 10, 20]
    assert values[0] > values[-1]
    frame, scene = run.load_frame("room_0001", 20), run.load_scene("room_0001")
    assert len(frame["offset_teacher"]) == len(scene.cell_coord_u16)
    assert scene.cell_index.max() < len(scene.cell_coord_u16)


def test_every_key_on_disk_is_declared(tmp_path: Path):
    write_recorded_run(tmp_path / "rooms", num_frames=2)
    run = Run(tmp_path / "rooms")
    assert set(run.load_frame("room_0001", 0)) == set(FRAME_ARRAYS)
    assert set(run.load_scene("room_0001").arrays()) <= set(SCENE_ARRAYS)
    assert set(run.stats("room_0001", 0)) == set(STATS)
    assert set(run.stats("room_0001", 0)["odr"]) == set(ODR_STATS)
    assert set(run.stats("room_0001", 0)["scr"]) == set(SCR_STATS)
    assert set(run.scalars()) <= set(SCALARS)


def test_a_key_that_is_not_declared_is_refused(tmp_path: Path):
    writer = open_recorded_run(tmp_path / "rooms")
    with pytest.raises(RunError, match=r"'loss/mystery' is not declared"):
        writer.scalars(1, {"loss/mystery": 1.0})
    writer.close("stopped")


def test_a_number_that_is_not_finite_is_written_as_null(tmp_path: Path):
    writer = open_recorded_run(tmp_path / "rooms")
    writer.scalars(1, {"loss/total": float("nan"), "loss/offset": float("inf")})
    writer.close("failed")
    scalars = Run(tmp_path / "rooms").scalars()
    assert scalars["loss/total"] == ([1], [None])
    assert scalars["loss/offset"] == ([1], [None])


def test_a_reader_sees_frames_as_they_come(tmp_path: Path):
    writer = open_recorded_run(tmp_path / "rooms")
    run = Run(tmp_path / "rooms")
    assert run.frames("room_0001") == []
    assert run.latest_frame("room_0001") is None
    for step in (0, 10):
        append_frame(writer, step)
        assert run.latest_frame("room_0001") == step
    writer.close("finished")


def test_resuming_drops_what_came_after_the_checkpoint_and_keeps_the_history(tmp_path: Path):
    root = tmp_path / "rooms"
    writer = open_recorded_run(root)
    for step in (0, 10, 20, 30):
        append_frame(writer, step)
    writer.close("failed", "made to fail")
    run = Run(root)
    assert run.frames("room_0001") == [0, 10, 20, 30]
    with (root / "events.jsonl").open("ab") as file:
        file.write(b'{"t":1,"step":31,"kind":"sca')  # cut off by a kill

    writer = reopened(root, 20)
    assert run.frames("room_0001") == [0, 10, 20]
    assert run.scalars()["loss/total"][0] == [0, 10, 20]
    append_frame(writer, 30)
    writer.close("finished")
    assert run.frames("room_0001") == [0, 10, 20, 30]
    assert run.scalars()["loss/total"][0] == [0, 10, 20, 30]
    kinds = [event["kind"] for event in run.events()]
    assert kinds.count("scalars") == 5  # the superseded one is still in the file
    assert [mark["from_step"] for mark in run.marks() if mark["kind"] == "resume"] == [20]


def test_alarms_stand_until_they_are_cleared_or_the_run_is_resumed(tmp_path: Path):
    writer = open_recorded_run(tmp_path / "rooms")
    run = Run(tmp_path / "rooms")

    def tell(step: int, name: str, state: str) -> None:
        writer.event("alarm", step, name=name, state=state, text=f"{name} {state}")

    tell(10, "scr_inert", "raised")
    tell(20, "data_starved", "raised")
    assert [alarm["name"] for alarm in run.alarms()] == ["scr_inert", "data_starved"]
    tell(30, "scr_inert", "cleared")
    tell(31, "odr_misses", "cleared")  # of a run that was cut off while it stood
    assert [alarm["name"] for alarm in run.alarms()] == ["data_starved"]
    writer.close("stopped")
    reopened(tmp_path / "rooms", 0).close("stopped")
    assert run.alarms() == []
    assert sum(mark["kind"] == "alarm" for mark in run.marks()) == 4


def test_a_second_run_in_a_folder_is_refused_and_changes_nothing(tmp_path: Path):
    write_recorded_run(tmp_path / "rooms", num_frames=1)
    before = sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "rooms").rglob("*"))
    with pytest.raises(RunError, match=r"already holds a run.*--resume"):
        open_recorded_run(tmp_path / "rooms")
    assert sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "rooms").rglob("*")) == before


def test_a_folder_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(RunError, match=r"cannot be written.*Choose a folder"):
        open_recorded_run(tmp_path / "file" / "rooms")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_run_that_is_being_written_is_not_reopened(tmp_path: Path):
    writer = open_recorded_run(tmp_path / "rooms")
    with pytest.raises(RunError, match=rf"is being written by process {os.getpid()}"):
        reopened(tmp_path / "rooms", 0)
    writer.close("stopped")
    reopened(tmp_path / "rooms", 0).close("stopped")


def test_a_killed_trainer_reads_as_lost(tmp_path: Path):
    """A real process writes a run and is killed without warning."""
    code = (
        "from pathlib import Path\n"
        "from tests.recorded_run import open_recorded_run, append_frame\n"
        f"writer = open_recorded_run(Path({str(tmp_path / 'rooms')!r}))\n"
        "append_frame(writer, 0)\n"
        "print('ready', flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    root = Path(__file__).parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "ready"
    run = Run(tmp_path / "rooms")
    assert run.state()["status"] == "running"
    child.kill()
    child.wait()
    child.stdout.close()
    state = run.state()
    assert state["status"] == "lost"
    assert "its process has ended" in state["detail"]
    reopened(tmp_path / "rooms", 0).close("stopped")
    assert run.state()["status"] == "stopped"


def test_a_run_from_another_machine_is_lost_when_its_heartbeat_stops(tmp_path: Path):
    write_recorded_run(tmp_path / "rooms", num_frames=1)
    state = files.read_json(tmp_path / "rooms" / "state.json")
    far = {**state, "status": "running", "host": f"not-{socket.gethostname()}"}
    files.write_json(tmp_path / "rooms" / "state.json", {**far, "heartbeat": time.time()})
    run = Run(tmp_path / "rooms")
    assert run.state()["status"] == "running"
    files.write_json(tmp_path / "rooms" / "state.json", {**far, "heartbeat": time.time() - 60})
    assert run.state()["status"] == "lost"
    assert "heartbeat has stopped" in run.state()["detail"]


def test_a_store_finds_runs_by_id_only(tmp_path: Path):
    write_recorded_run(tmp_path / "rooms", num_frames=1)
    (tmp_path / "notes").mkdir()
    store = RunStore(tmp_path)
    assert store.ids() == ["rooms"]
    for name in ("notes", "../rooms", "rooms/..", "", "rooms/frames"):
        with pytest.raises(RunError, match="no run is called"):
            store.run(name)
    assert RunStore(tmp_path / "rooms").ids() == ["rooms"]  # a run folder by itself


def test_a_run_of_another_schema_is_refused_with_a_reason(tmp_path: Path):
    write_recorded_run(tmp_path / "rooms", num_frames=1)
    record = json.loads((tmp_path / "rooms" / "run.json").read_text())
    (tmp_path / "rooms" / "run.json").write_text(json.dumps({**record, "schema_version": 99}))
    with pytest.raises(RunError, match="schema 99, this version reads 1"):
        Run(tmp_path / "rooms")


def test_the_newest_frames_stay_and_older_ones_thin_out():
    kept: list[int] = []
    for step in range(0, 20_000, 5):
        kept.append(step)
        gone = set(superseded(kept, 200))
        kept = [step for step in kept if step not in gone]
    assert kept[-200:] == list(range(19_000, 20_000, 5))
    assert kept[0] == 0
    assert len(kept) < 800
    gaps = np.diff(kept)
    assert np.all(gaps[:-1] >= gaps[1:]), "older frames never stand closer than newer ones"


def test_few_frames_all_stay():
    assert superseded(list(range(200)), 200) == []


def test_the_default_configuration_survives_the_folder(tmp_path: Path):
    writer = RunWriter.create(
        tmp_path / "run", recipe="indoor_38m", config=RunConfig(), device="cpu", libraries={}
    )
    writer.close("stopped")
    assert Run(tmp_path / "run").config == RunConfig()

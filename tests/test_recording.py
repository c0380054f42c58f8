import json
from itertools import pairwise

import numpy as np
import pytest

from pointins_engine.builtin import recorded_example
from pointins_engine.errors import RunError
from pointins_engine.recording import record, spread
from pointins_engine.run_log.store import Run
from pointins_engine.watching.instance_figures import instance_changes, true_instance
from tests.recorded_run import write_recorded_run

SCENE = "room_0001"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs") / "rooms"
    write_recorded_run(root, num_frames=13, num_points=600)
    command = f"pointins pretrain indoor_demo --run {root}"
    about = json.loads((root / "run.json").read_text())
    (root / "run.json").write_text(json.dumps({**about, "command": command}))
    (root / "checkpoints/00000010").mkdir(parents=True)
    return root


def total(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def limit_for(source, share):
    """Bytes that leave room for a share of the frames."""
    frames = total(source / "frames") + (source / "stats.jsonl").stat().st_size
    return int((total(source) - frames * (1 - share)) / 0.98)


@pytest.mark.parametrize(("count", "wanted"), [(2, 2), (13, 5), (45, 45), (90, 40)])
def test_places_are_spread_from_dense_to_sparse(count, wanted):
    places = spread(count, wanted)
    gaps = np.diff(places)
    assert len(places) == wanted and (places[0], places[-1]) == (0, count - 1)
    assert gaps.min() >= 1 and gaps[: wanted // 2].sum() <= gaps[-(wanted // 2) :].sum()


def test_a_recording_keeps_what_fits_and_the_ends_of_the_run(source, tmp_path):
    limit = limit_for(source, 0.6)
    about = record(source, tmp_path / "shown", max_bytes=limit, machine="a desk")
    before, after = Run(source), Run(tmp_path / "shown")
    kept, there = after.frames(SCENE), before.frames(SCENE)
    assert total(tmp_path / "shown") <= limit
    assert 3 <= len(kept) < len(there) and set(kept) < set(there)
    assert (kept[0], kept[-1]) == (there[0], there[-1])
    assert (about["frames"], about["of_frames"]) == (2 * len(kept), 2 * len(there))
    assert after.record["recording"] == about and about["machine"] == "a desk"
    for step in kept:
        for name, array in before.load_frame(SCENE, step).items():
            np.testing.assert_array_equal(after.load_frame(SCENE, step)[name], array)
    assert after.scalars() == before.scalars()


def test_changes_are_told_against_the_frame_that_is_shown_before(source, tmp_path):
    record(source, tmp_path / "shown", max_bytes=limit_for(source, 0.5))
    run = Run(tmp_path / "shown")
    truth = true_instance(run.load_scene(SCENE))
    steps = run.frames(SCENE)
    for before, now in pairwise(steps):
        a, b = (run.load_frame(SCENE, s)["pseudo_instance"].astype(int) for s in (before, now))
        told = run.stats(SCENE, now)["scr"]
        assert told["before_step"] == before
        wanted = instance_changes(a, before, b, truth)
        assert {key: told[key] for key in wanted} == wanted
    assert run.stats(SCENE, steps[0])["scr"]["before_step"] is None


def test_a_recording_tells_nothing_of_checkpoints_or_of_the_place_it_comes_from(source, tmp_path):
    record(source, tmp_path / "shown", max_bytes=10**9)
    run = Run(tmp_path / "shown")
    assert run.checkpoints() == [] and not (tmp_path / "shown/checkpoints").exists()
    assert all(event["kind"] != "checkpoint" for event in run.events())
    assert run.record["command"] == "pointins pretrain indoor_demo --run runs/rooms"
    for file in (tmp_path / "shown").rglob("*.json*"):
        assert str(source.parent) not in file.read_text()
    assert run.state()["status"] == "finished" and not run.state()["control"]


def test_only_a_recording_is_replaced(source, tmp_path):
    record(source, tmp_path / "shown", max_bytes=10**9)
    record(source, tmp_path / "shown", max_bytes=limit_for(source, 0.5))
    assert len(Run(tmp_path / "shown").frames(SCENE)) < 13
    with pytest.raises(RunError, match="something else than a recording"):
        record(tmp_path / "shown", source, max_bytes=10**9)
    with pytest.raises(RunError, match="take more than 1,000 bytes"):
        record(source, tmp_path / "tiny", max_bytes=1000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shown"]


def test_the_recorded_example_is_a_real_training_of_at_most_12_megabytes():
    folder = recorded_example()
    assert folder is not None and total(folder) <= 12_000_000
    run = Run(folder)
    assert len(run.scenes()) == 2 and run.state()["status"] in ("finished", "stopped")
    for scene in run.scenes():
        steps = run.frames(scene)
        assert len(steps) >= 20 and steps[0] == 0
        assert run.load_frame(scene, steps[-1])["offset_teacher"].any()
    assert run.scalars()["loss/total"][0][-1] > 0.9 * run.record["recording"]["steps"]

"""`pointins data convert`: what comes out, what is passed over, and what a killed run leaves."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pointins_engine.__main__ import main
from pointins_engine.config import SceneConfig
from pointins_engine.errors import RunError, SceneError
from pointins_engine.geometry import voxelize
from pointins_engine.scenes.datasets import convert as module
from pointins_engine.scenes.datasets import open_dataset, recognise
from pointins_engine.scenes.datasets.convert import Outcome, Settings, convert
from pointins_engine.scenes.readers import read_scene
from pointins_engine.scenes.source import open_scenes
from tests.scenes.datasets.test_cached import assert_same
from tests.scenes.datasets.test_semantic_kitti import write_sequence

PLAIN = Settings()


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file below a folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def kitti(tmp_path) -> Path:
    root = tmp_path / "kitti"
    write_sequence(root, "00", frames=3)
    write_sequence(root, "08")
    write_sequence(root, "11", labelled=False)
    return root


def test_a_converted_dataset_reads_as_the_dataset_itself(kitti, tmp_path):
    source = recognise(kitti)
    outcome = convert(source, tmp_path / "out", PLAIN)
    assert outcome == Outcome(num_written=5, num_passed_over=0, failures=())
    cached = recognise(tmp_path / "out")
    assert (cached.name, cached.layout) == ("semantic_kitti", "cached")
    assert cached.classes == source.classes and cached.splits == source.splits
    for a, b in zip(cached.entries, source.entries, strict=True):
        assert (a.id, a.split) == (b.id, b.split)
        assert_same(cached.read(a)[0], source.read(b)[0])


def test_training_takes_a_converted_folder_as_it_takes_the_dataset(kitti, tmp_path):
    convert(recognise(kitti), tmp_path / "out", PLAIN)
    config = SceneConfig(source=str(kitti), domain="outdoor", grid_size=0.05)
    for split in ("train", "val"):
        there = open_scenes(config, 0, split)
        here = open_scenes(replace(config, source=str(tmp_path / "out")), 0, split)
        assert (here.ids, here.dataset) == (there.ids, "semantic_kitti")
        for a, b in zip(here, there, strict=True):
            assert_same(a, b)


def test_one_converted_scene_can_be_read_on_its_own(kitti, tmp_path):
    source = recognise(kitti)
    convert(source, tmp_path / "out", PLAIN)
    path = tmp_path / "out" / "val" / "08_000000.safetensors"
    scene, _ = source.read(source.entries_of("val")[0])
    assert_same(read_scene(path), scene)
    found = open_dataset(path)
    assert found.name == "scans" and len(found.entries) == 1
    np.testing.assert_array_equal(found.read(found.entries[0])[0].coord, scene.coord)


def test_several_processes_write_what_one_writes(kitti, tmp_path):
    source = recognise(kitti)
    convert(source, tmp_path / "one", PLAIN, jobs=1)
    convert(source, tmp_path / "two", PLAIN, jobs=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_scenes_that_are_up_to_date_are_passed_over(kitti, tmp_path):
    out = tmp_path / "out"
    convert(recognise(kitti), out, PLAIN)
    before = digests(out)
    assert convert(recognise(kitti), out, PLAIN).num_passed_over == 5
    assert digests(out) == before
    label = kitti / "sequences" / "00" / "labels" / "000001.label"
    label.write_bytes(label.read_bytes()[::-1])
    assert convert(recognise(kitti), out, PLAIN) == Outcome(
        num_written=1, num_passed_over=4, failures=()
    )
    changed = {name for name, digest in digests(out).items() if digest != before[name]}
    assert changed == {"train/00_000001.safetensors"}


def test_a_scene_that_cannot_be_read_is_told_and_the_others_are_converted(kitti, tmp_path):
    bad = kitti / "sequences" / "00" / "velodyne" / "000001.bin"
    whole = bad.read_bytes()
    bad.write_bytes(whole[:-3])
    outcome = convert(recognise(kitti), tmp_path / "out", PLAIN)
    assert outcome.num_written == 4
    ((id, reason),) = outcome.failures
    assert id == "00_000001" and "no whole number of points" in reason
    cached = recognise(tmp_path / "out")
    assert len(cached.entries) == 4 and list(cached.faults()) == []
    bad.write_bytes(whole)
    assert convert(recognise(kitti), tmp_path / "out", PLAIN).num_written == 1


def test_splits_can_be_converted_one_after_the_other(kitti, tmp_path):
    source = recognise(kitti)
    convert(source, tmp_path / "parts", PLAIN, splits=["val"])
    assert recognise(tmp_path / "parts").splits == ("val",)
    convert(source, tmp_path / "parts", PLAIN, splits=["test", "train"])
    convert(source, tmp_path / "whole", PLAIN)
    assert digests(tmp_path / "parts") == digests(tmp_path / "whole")
    with pytest.raises(SceneError, match="no split is called 'dev'"):
        convert(source, tmp_path / "whole", PLAIN, splits=["dev"])


def test_thinning_keeps_the_first_point_of_each_cube_with_all_its_fields(kitti, tmp_path):
    source = recognise(kitti)
    convert(source, tmp_path / "out", Settings(voxel=4.0, normals=True))
    cached = recognise(tmp_path / "out")
    scene, _ = source.read(source.entries[0])
    thin, _ = cached.read(cached.entries[0])
    rows = np.sort(voxelize(scene.coord, 4.0)[1])
    assert 0 < len(thin) < len(scene)
    np.testing.assert_array_equal(thin.coord, scene.coord[rows])
    np.testing.assert_array_equal(thin.intensity, scene.intensity[rows])
    np.testing.assert_allclose(np.linalg.norm(thin.normal, axis=1), 1, atol=1e-6)
    assert scene.normal is None


def test_a_folder_of_scans_keeps_the_class_names_of_each_scan(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "scans"
    folder.mkdir()
    for name, label in (("a", 3), ("b", 8)):
        coord = rng.uniform(0, [5, 4, 2.5], (500, 3)).astype(np.float32)
        np.savez(folder / f"{name}.npz", coord=coord, segment=np.full(500, label))
    source = open_dataset(folder, units="m", up="z")
    convert(source, tmp_path / "out", PLAIN)
    cached = recognise(tmp_path / "out")
    assert cached.name == "scans"
    for a, b in zip(cached.entries, source.entries, strict=True):
        assert_same(cached.read(a)[0], source.read(b)[0])


def test_other_settings_and_other_folders_are_not_mixed(kitti, tmp_path):
    source, out = recognise(kitti), tmp_path / "out"
    convert(source, out, PLAIN)
    with pytest.raises(
        SceneError, match=r"as it is; .*--voxel 0.1 --normals. Choose another --out"
    ):
        convert(source, out, Settings(voxel=0.1, normals=True))
    with pytest.raises(SceneError, match="is the folder to read"):
        convert(source, kitti, PLAIN)
    (out / "dataset.json").write_text('{"of": "something else"}')
    with pytest.raises(SceneError, match="belongs to something else"):
        convert(source, out, PLAIN)
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be made a folder"):
        convert(source, tmp_path / "file", PLAIN)
    with pytest.raises(SceneError, match="--voxel"):
        Settings(voxel=0.0)


def test_two_conversions_into_one_folder_do_not_meet(kitti, tmp_path):
    with module._locked(tmp_path / "out"):
        with pytest.raises(RunError, match="another process converts into"):
            convert(recognise(kitti), tmp_path / "out", PLAIN)
    assert convert(recognise(kitti), tmp_path / "out", PLAIN).num_written == 5


def test_files_of_a_run_that_was_killed_while_writing_are_removed(kitti, tmp_path):
    out = tmp_path / "out"
    convert(recognise(kitti), out, PLAIN)
    before = digests(out)
    (out / "train" / ".00_000009.safetensors.123.tmp").write_bytes(b"half")
    (out / ".dataset.json.123.tmp").write_bytes(b"{")
    convert(recognise(kitti), out, PLAIN)
    assert digests(out) == before


def test_a_full_disk_ends_the_conversion(kitti, tmp_path, monkeypatch):
    def full(path, *rest):
        raise RunError(f"{path} cannot be written (No space left on device).")

    monkeypatch.setattr(module, "write_scene", full)
    with pytest.raises(RunError, match="No space left"):
        convert(recognise(kitti), tmp_path / "out", PLAIN)
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_a_killed_conversion_ends_with_the_bytes_of_one_that_was_not(tmp_path):
    root, out, total = tmp_path / "kitti", tmp_path / "killed", 100
    write_sequence(root, "00", frames=total)
    convert(recognise(root), tmp_path / "whole", PLAIN)
    words = ["data", "convert", str(root), "--out", str(out), "--jobs"]
    command = [sys.executable, "-m", "pointins_engine", *words, "2"]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    enough = np.random.default_rng().integers(1, 30)  # any moment will do
    while len(list(out.glob("train/*.safetensors"))) < enough and running.poll() is None:
        time.sleep(0.001)
    running.send_signal(signal.SIGKILL)
    running.wait()
    written = len(list(out.glob("train/*.safetensors")))
    assert enough <= written < total and not (out / "dataset.json").exists()
    assert main([*words, "1"]) == 0
    assert digests(out) == digests(tmp_path / "whole")


def test_workers_end_with_a_parent_that_was_killed(tmp_path):
    code = (
        "import os, time\n"
        "from pointins_engine.scenes.datasets.jobs import each\n"
        "from tests.scenes.datasets.test_convert import wait_long\n"
        "if __name__ == '__main__':\n"
        f"    list(each(wait_long, [{str(tmp_path / 'pid')!r}] * 2, 2))\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    parent = subprocess.Popen([sys.executable, str(script)], env=environment)
    pid = tmp_path / "pid"
    while not (pid.exists() and pid.read_text().endswith("\n")) and parent.poll() is None:
        time.sleep(0.01)
    worker = int(pid.read_text())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(1000):  # ten seconds; it takes milliseconds
        if not is_running(worker):
            break
        time.sleep(0.01)
    assert not is_running(worker)


def wait_long(path: str) -> None:
    """Tell the id of this process and wait for a minute."""
    Path(path).write_text(f"{os.getpid()}\n")
    time.sleep(60)


def is_running(pid: int) -> bool:
    """Whether a process lives; one that ended and that nobody asked about counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_command_line_reports_and_ends_with_two_when_a_scene_fails(kitti, tmp_path, capsys):
    words = ["data", "convert", str(kitti), "--out", str(tmp_path / "out"), "--jobs", "1"]
    assert main([*words, "--splits", "train"]) == 0
    assert "3 scenes written, 0 up to date, 0 failed" in capsys.readouterr().out
    (kitti / "sequences" / "08" / "velodyne" / "000000.bin").write_bytes(b"1")
    assert main(words) == 2
    shown = capsys.readouterr()
    assert "scenes written, 3 up to date, 1 failed" in shown.out
    assert "error: 08_000000: " in shown.err
    assert "5/5 scenes" in shown.err

"""The converted form: every field comes back as it was."""

import json
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets import recognise
from pointins_engine.scenes.datasets.cached import (
    Cached,
    Index,
    read_fingerprint,
    read_index,
    read_scene_file,
    write_index,
    write_scene,
)
from pointins_engine.scenes.datasets.dataset import ClassTable
from pointins_engine.types import Scene

N = 301  # odd, so that arrays of bytes end anywhere


def full_scene(seed: int = 0) -> Scene:
    rng = np.random.default_rng(seed)
    coord = rng.normal(0, 5, (N, 3)).astype(np.float32)
    coord[0] = [-0.0, 1e-45, 3.4e38]  # a sign of zero, the smallest and nearly the largest float32
    return Scene(
        id="room-1",
        coord=coord,
        color=rng.integers(0, 256, (N, 3)).astype(np.uint8),
        normal=rng.normal(size=(N, 3)).astype(np.float32),
        intensity=rng.uniform(0, 1, N).astype(np.float32),
        semantic_label=rng.integers(-1, 3, N).astype(np.int32),
        instance_label=rng.integers(-1, 2**31 - 1, N).astype(np.int32),
        is_plane=rng.random(N) < 0.5,
        class_names=("wall", "Tür", "chaise longue"),
        origin=np.array([4_512_345.1, 0.1 + 0.2, -0.0]),
        source="/scans/a room.ply",
        num_dropped=17,
    )


def assert_same(found: Scene, scene: Scene) -> None:
    """Every field is the same, arrays bit by bit and of the same type."""
    for f in fields(Scene):
        a, b = getattr(found, f.name), getattr(scene, f.name)
        if isinstance(b, np.ndarray):
            assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), f.name
        else:
            assert a == b, f.name


def test_every_field_of_a_scene_comes_back_bit_by_bit(tmp_path):
    path = tmp_path / "train" / "room-1.safetensors"
    write_scene(path, full_scene(), ["taken as metres"], "f00d")
    scene, notes = read_scene_file(path)
    assert_same(scene, full_scene())
    assert notes == ["taken as metres"] and read_fingerprint(path) == "f00d"
    scene.coord[0] = 1  # what training gets may be changed, the file stays
    assert_same(read_scene_file(path)[0], full_scene())


def test_what_a_scene_lacks_stays_lacking(tmp_path):
    scene = Scene(id="bare", coord=full_scene().coord)
    write_scene(tmp_path / "bare.safetensors", scene, [])
    assert_same(read_scene_file(tmp_path / "bare.safetensors")[0], scene)


def test_the_same_scene_gives_the_same_bytes_in_another_process(tmp_path):
    code = (
        "from tests.scenes.datasets.test_cached import full_scene\n"
        "from pointins_engine.scenes.datasets.cached import write_scene\n"
        "from pathlib import Path; import sys\n"
        "write_scene(Path(sys.argv[1]), full_scene(), ['a', 'b'], 'c')\n"
    )
    there, here = tmp_path / "there.safetensors", tmp_path / "here.safetensors"
    subprocess.run([sys.executable, "-c", code, str(there)], check=True)
    write_scene(here, full_scene(), ["a", "b"], "c")
    assert here.read_bytes() == there.read_bytes()


def write_dataset(root, **changes) -> Index:
    facts = {
        "name": "s3dis",
        "title": "S3DIS",
        "licence": "ask its authors",
        "classes": ClassTable(
            names=("wall", "chair"),
            things=frozenset({"chair"}),
            groups={"head": frozenset({"wall"})},
        ),
        "splits": {"Area_1": ("room-1",), "Area_5": ("room-2",)},
        "lists": {"few": ("room-2",)},
        "aliases": {"train": ("Area_1",), "val": ("Area_5",)},
        "notes": ("one area is missing",),
        "provenance": {"source": "/data", "layout": "official", "settings": {}},
    }
    index = Index(**{**facts, **changes})
    for split, ids in index.splits.items():
        for id in ids:
            write_scene(root / split / f"{id}.safetensors", full_scene(), [])
    write_index(root, index)
    return index


def test_a_converted_dataset_keeps_name_classes_splits_and_aliases(tmp_path):
    index = write_dataset(tmp_path)
    assert read_index(tmp_path / "dataset.json") == index
    dataset = recognise(tmp_path)
    assert isinstance(dataset, Cached) and dataset.name == "s3dis"
    assert dataset.classes == index.classes and dataset.notes == index.notes
    assert [entry.id for entry in dataset.entries_of("val")] == ["room-2"]
    assert [entry.id for entry in dataset.entries_of("few")] == ["room-2"]
    assert recognise(tmp_path, "s3dis") is not None
    assert_same(dataset.read(dataset.entries[0])[0], full_scene())
    assert list(dataset.faults()) == []


def test_missing_and_unlisted_scenes_are_faults(tmp_path):
    write_dataset(tmp_path)
    (tmp_path / "Area_5" / "room-2.safetensors").rename(tmp_path / "Area_1" / "old.safetensors")
    missing, unlisted = recognise(tmp_path).faults()
    assert missing.path.name == "room-2.safetensors" and "not there" in missing.text
    assert unlisted.path.name == "old.safetensors" and "passed over" in unlisted.text


def test_a_conversion_that_was_not_finished_says_so(tmp_path):
    write_dataset(tmp_path)
    (tmp_path / "dataset.json").unlink()
    with pytest.raises(SceneError, match=r"not finished.*again"):
        recognise(tmp_path)


def test_other_safetensors_files_are_no_conversion(tmp_path):
    (tmp_path / "weights").mkdir()
    save_file({"w": np.zeros(3)}, tmp_path / "weights" / "a.safetensors")
    assert recognise(tmp_path) is None
    with pytest.raises(SceneError, match="no converted scene"):
        read_scene_file(tmp_path / "weights" / "a.safetensors")


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "", "a\nb"])
def test_names_that_are_no_file_names_are_refused(tmp_path, name):
    write_dataset(tmp_path)
    path = tmp_path / "dataset.json"
    for field in ("Area_1", "room-1"):
        path.write_text(path.read_text().replace(json.dumps(field), json.dumps(name)))
        with pytest.raises(SceneError, match="cannot name a scene or split"):
            recognise(tmp_path)
        write_dataset(tmp_path)
    write_scene(tmp_path / "x.safetensors", Scene(id=name, coord=full_scene().coord), [])
    with pytest.raises(SceneError, match="cannot name a scene"):
        read_scene_file(tmp_path / "x.safetensors")


def drop(key):
    return lambda data: data.pop(key)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop("classes"), "lacks something"),
        (lambda data: data.update(splits=["a"]), "another type"),
        (lambda data: data["splits"].update(train="abc"), "expected a list of strings"),
        (lambda data: data["classes"].update(names=[1]), "expected a list of strings"),
        (lambda data: data.update(format=2), "of format 2.*reads format 1"),
    ],
)
def test_a_damaged_index_is_named(tmp_path, change, words):
    write_dataset(tmp_path)
    path = tmp_path / "dataset.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(SceneError, match=rf"dataset\.json.*{words}"):
        recognise(tmp_path)


@pytest.mark.parametrize("keep", [0, 7, 8, 100, -1])
def test_a_file_that_was_cut_off_is_refused(tmp_path, keep):
    path = tmp_path / "a.safetensors"
    write_scene(path, full_scene(), [])
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SceneError, match="convert it again"):
        read_scene_file(path)


@pytest.mark.parametrize(
    "change",
    [
        {"coord": np.zeros((N, 2), np.float32)},
        {"coord": np.zeros((N, 3))},
        {"color": np.zeros((N - 1, 3), np.uint8)},
        {"semantic_label": np.zeros((N, 1), np.int32)},
        {"origin": np.zeros(2)},
        {"surprise": np.zeros(N)},
    ],
    ids=str,
)
def test_arrays_of_another_kind_are_refused(tmp_path, change):
    path = tmp_path / "a.safetensors"
    write_scene(path, full_scene(), [])
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    save_file({**load_file(path), **change}, path, metadata=metadata)
    with pytest.raises(SceneError, match="no converted scene"):
        read_scene_file(path)

"""The cache holds what was found, tells old from new, and survives damage."""

import os

import pytest

from pointins_engine.scene_index.cache import (
    NUM_LEVELS,
    CollectionFolder,
    SceneRow,
    default_cache,
    prune,
    scene_key,
)

TABLE = tuple(round(k / 100, 5) for k in range(NUM_LEVELS))


@pytest.fixture
def folder(tmp_path) -> CollectionFolder:
    folder = CollectionFolder.of(tmp_path, "scans")
    folder.arrays.mkdir(parents=True)
    return folder


def test_a_row_comes_back_as_it_was(folder):
    rows = [
        SceneRow(id="a", key="1", facts={"points": 3}, lengths=TABLE, num_lengths=9),
        SceneRow(id="b", key="2", error="it is torn"),
    ]
    for row in rows:
        folder.append(row)
    assert folder.read_rows()[0] == rows


def test_rows_are_read_from_where_one_stopped(folder):
    folder.append(SceneRow(id="a", key="1", error="x"))
    _, end = folder.read_rows()
    folder.append(SceneRow(id="b", key="2", error="y"))
    assert [row.id for row in folder.read_rows(end)[0]] == ["b"]


@pytest.mark.parametrize(
    "damage",
    [
        b'{"id": "x", "key"',
        b"[1, 2]\n",
        b'{"id": "x", "key": "1"}\n',
        b'{"id": "x", "key": "1", "facts": {}, "lengths": [1, 2]}\n',
        b'{"id": "x", "key": "1", "facts": {}, "lengths": "no"}\n',
    ],
)
def test_a_damaged_line_costs_that_line_only(folder, damage):
    folder.append(SceneRow(id="a", key="1", error="x"))
    with folder.rows.open("ab") as file:
        file.write(damage)
    assert [row.id for row in folder.read_rows()[0]] == ["a"]


def test_falling_quantiles_are_no_row(folder):
    falling = list(reversed(TABLE))
    with pytest.raises(ValueError, match="rising"):
        SceneRow.from_json({"id": "a", "key": "1", "facts": {}, "lengths": falling})


def test_a_collection_that_is_not_json_is_as_if_it_were_not_there(folder):
    folder.collection.write_text("{")
    folder.progress.write_text("[]")
    assert folder.read_collection() == {} and folder.read_progress() == {}


def test_a_key_changes_with_the_files_of_a_scene(tmp_path):
    scan = tmp_path / "scan.ply"
    scan.write_bytes(b"one")
    first = scene_key("source a", [scan])
    assert scene_key("source a", [scan]) == first
    assert scene_key("source b", [scan]) != first
    assert scene_key("source a", [scan, tmp_path / "absent"]) == first
    os.utime(scan, ns=(0, 1))
    assert scene_key("source a", [scan]) != first


def test_one_source_has_one_folder_however_it_is_written(tmp_path, monkeypatch):
    (tmp_path / "scans").mkdir()
    monkeypatch.chdir(tmp_path)
    cache = tmp_path / "cache"
    absolute = CollectionFolder.of(cache, str(tmp_path / "scans"))
    assert CollectionFolder.of(cache, "scans/").root == absolute.root
    assert CollectionFolder.of(cache, "./scans").root == absolute.root
    assert CollectionFolder.of(cache, "other/scans").root != absolute.root
    assert absolute.root.parent == cache


def test_the_longest_unused_goes_first_and_what_is_not_ours_stays(tmp_path, folder):
    folder.collection.write_text("{}")
    files = [folder.scene(f"s{k}", "k") for k in range(4)]
    for age, path in enumerate(files):
        path.write_bytes(bytes(100))
        os.utime(path, (1000 + age, 1000 + age))
    stranger = tmp_path / "photos" / "arrays" / "mine.safetensors"
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(bytes(1000))
    assert prune(tmp_path, 250, spared=[files[0]]) == 200
    assert [path.exists() for path in files] == [True, False, False, True]
    assert stranger.exists()
    assert prune(tmp_path, 250) == 0


def test_the_cache_lies_where_the_desktop_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "pointins" / "scenes"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the specification
    assert default_cache().parts[-3:] == (".cache", "pointins", "scenes")

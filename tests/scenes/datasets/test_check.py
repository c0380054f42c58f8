"""`pointins data check` on a good and on a bad tree."""

import json

import numpy as np
import pytest

from pointins_engine.__main__ import main
from pointins_engine.scenes.datasets import recognise
from pointins_engine.scenes.datasets.check import check
from pointins_engine.scenes.datasets.check_text import WIDTH, format_check

NUM = 400


def write_scene(root, split, id, seed, *, has_labels=True):
    rng = np.random.default_rng(seed)
    folder = root / split / id
    folder.mkdir(parents=True)
    coord = np.c_[rng.uniform(0, 4, (NUM, 2)), rng.uniform(0, 2, NUM)].astype(np.float32)
    np.save(folder / "coord.npy", coord)
    np.save(folder / "color.npy", rng.integers(10, 250, (NUM, 3)).astype(np.uint8))
    if has_labels:
        np.save(folder / "segment20.npy", np.repeat([-1, 0, 1, 4], NUM // 4).astype(np.int16))
        np.save(folder / "instance.npy", np.repeat([-1, 0, 1, 2], NUM // 4).astype(np.int16))
    return folder


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "scannet"
    write_scene(root, "train", "scene0000_00", 0)
    write_scene(root, "train", "scene0001_00", 1)
    write_scene(root, "val", "scene0011_00", 2)
    write_scene(root, "test", "scene0707_00", 3, has_labels=False)
    return root


def break_it(tree):
    """A label array that was cut off, one of another length, and a folder without coordinates."""
    labels = tree / "train" / "scene0001_00" / "segment20.npy"
    labels.write_bytes(labels.read_bytes()[:200])
    np.save(tree / "val" / "scene0011_00" / "color.npy", np.zeros((7, 3), np.uint8))
    (tree / "train" / "scene0002_00").mkdir()


def test_a_good_tree_is_counted_and_has_no_fault(tree):
    report = check(recognise(tree))
    assert report["faults"] == [] and report["dataset"] == "scannet"
    train, test = report["splits"]["train"], report["splits"]["test"]
    assert (train["scenes"], train["unreadable"], train["points"]["all"]) == (2, 0, 2 * NUM)
    assert train["classes"] == {
        name: {"points": NUM // 2, "instances": 2, "scenes": 2}
        for name in ("wall", "floor", "chair")
    }
    assert train["points"]["unlabelled"] == NUM // 2
    assert train["fields"]["color"] == 2 and train["fields"]["normal"] == 0
    assert set(train["tasks"]) == {
        "pre-training", "semantic segmentation", "instance segmentation",
    }  # fmt: skip
    assert test["tasks"] == {"pre-training": 1} and test["classes"] == {}
    assert "sofa" in train["never_seen"]
    low, high = train["ranges"]["color"]
    assert 10 <= low < high <= 249


def test_every_fault_of_a_bad_tree_has_a_place_and_a_fix(tree):
    break_it(tree)
    report = check(recognise(tree))
    found = {fault["path"].removeprefix(f"{tree}/"): fault for fault in report["faults"]}
    assert {path: fault["unreadable"] for path, fault in found.items()} == {
        "train/scene0001_00": True, "val/scene0011_00": True, "train/scene0002_00": False,
    }  # fmt: skip
    assert "segment20.npy: the header promises 400 values" in found["train/scene0001_00"]["text"]
    assert "7 rows for 400 points" in found["val/scene0011_00"]["text"]
    assert all(fault["fix"].endswith(".") for fault in found.values())
    assert report["splits"]["val"]["tasks"] == {}
    assert report["splits"]["train"]["points"]["all"] == NUM


def test_the_report_is_read_by_a_person_and_by_a_program(tree, tmp_path, capsys):
    file = tmp_path / "facts.json"
    assert main(["data", "check", str(tree), "--jobs", "1", "--json", str(file)]) == 0
    text = capsys.readouterr().out
    assert "ScanNet, Pointcept layout" in text and "train 2, val 1" in text
    assert "4 of 4 scenes can be read; no fault found." in text
    facts = json.loads(file.read_text())
    assert facts["splits"]["train"]["points"]["all"] == 2 * NUM and len(facts["scenes"]) == 4
    break_it(tree)
    assert main(["data", "check", str(tree), "--jobs", "1"]) == 2
    text = capsys.readouterr().out
    assert "2 of 4 scenes can be read; 2 cannot, and 1 other fault found." in text
    assert text.count("fix: ") == 3
    lines = [line for line in text.splitlines() if str(tree) not in line]  # paths are not broken
    assert max(map(len, lines)) <= WIDTH


def test_labels_of_different_scans_are_noticed(tree):
    folder = tree / "train" / "scene0000_00"
    assert check(recognise(tree))["warnings"] == []
    instance = np.load(folder / "instance.npy")
    np.save(folder / "instance.npy", np.random.default_rng(0).permutation(instance))
    [warning] = check(recognise(tree))["warnings"]
    assert warning["scenes"] == 1 and "3 of 3 instances hold points of several" in warning["text"]


def test_a_dataset_in_millimetres_is_asked_about_without_a_flag_that_would_not_help(tree):
    path = tree / "train" / "scene0000_00" / "coord.npy"
    np.save(path, np.load(path) * 1000)
    [warning] = check(recognise(tree))["warnings"]
    assert "no usual scan in metres, which the dataset states" in warning["text"]
    assert "--scene" not in warning["text"]


def test_a_limit_is_spread_over_the_splits(tree):
    report = check(recognise(tree), limit=3)
    assert (report["num_scenes"], report["num_read"]) == (4, 3)
    assert {name: s["scenes"] for name, s in report["splits"].items()} == dict.fromkeys(
        ("test", "train", "val"), 1
    )
    assert "4; 3 of them read here" in format_check(report)


def test_a_file_alone_and_an_empty_folder(tmp_path, capsys):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "room.npy", rng.uniform(0, 3, (300, 3)))
    assert main(["data", "check", str(tmp_path / "room.npy"), "--jobs", "1"]) == 0
    assert "good for    pre-training" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert main(["data", "check", str(tmp_path / "empty")]) == 2
    assert "holds no scan; looked for" in capsys.readouterr().err


def test_two_hundred_classes_are_told_by_group_and_the_frequent_ones_first(tmp_path):
    folder = write_scene(tmp_path, "train", "scene0000_00", 0, has_labels=False)
    labels = np.repeat(np.arange(200), 2).astype(np.int16)
    labels[labels > 150] = 3
    np.save(folder / "segment200.npy", labels)
    text = format_check(check(recognise(tmp_path, "scannet200")))
    rows = [line.split() for line in text.splitlines()]
    assert [
        "and",
        "111",
        "classes",
        "with",
        "fewer",
        "points;",
        "--json",
        "has",
        "them",
        "all",
    ] in rows
    table = text[text.index("classes  ") :].splitlines()
    assert table[1].split()[:2] == ["table", "100"]
    heads = [row for row in rows if row[:1] == ["all"]]
    assert [row[1:3] for row in heads] == [["66", "head"], ["68", "common"], ["66", "tail"]]
    assert sum(int(row[3]) for row in heads) == NUM


def test_one_process_gives_the_same_as_several(tree):
    break_it(tree)
    dataset = recognise(tree)
    assert check(dataset, jobs=2) == check(dataset, jobs=1)

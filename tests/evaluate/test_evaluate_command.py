"""`pointins evaluate` on files of this program and of others, and on what cannot be evaluated."""

import json

import numpy as np
import pytest

from pointins_engine.__main__ import main
from pointins_engine.segment.files import write_segmentation
from pointins_engine.segment.result import Segmentation
from tests.evaluate.random_cases import instance_case
from tests.evaluate.test_instance_ap import BENCHMARK

SIZE = 120  # points of an object


def evaluate(tmp_path, *words):
    """The figures that the command writes."""
    out = tmp_path / "figures.json"
    assert main(["evaluate", *map(str, words), "--out", str(out)]) == 0
    return json.loads(out.read_text("utf-8"))


def refused(capsys, *words):
    """The one sentence of a command that ends with 2."""
    capsys.readouterr()
    assert main(["evaluate", *map(str, words)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "Traceback" not in said
    return said


def numbers(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(str, values)) + "\n")
    return path


def objects(count, first=0):
    """Ids of `count` objects in a row, the last object is void."""
    label = np.repeat(np.arange(first, first + count), SIZE)
    return np.where(label == first + count - 1, -1, label)


def segmentation(label, score):
    label = np.asarray(label, np.int32)
    cells = np.arange(len(label), dtype=np.int32)
    coord = np.random.default_rng(0).uniform(0, 3, (len(label), 3)).astype(np.float32)
    return Segmentation(
        scan="room",
        coord=coord,
        cell_of_point=cells,
        cell_coord=coord,
        cell_label=label,
        cell_offset=np.zeros_like(coord),
        cell_is_plane=np.zeros(len(label), bool),
        score=np.asarray(score, np.float32),
    )


@pytest.mark.parametrize("ending", ["npz", "ply", "json", "coco.json"])
def test_every_file_that_segment_writes_scores_the_same(tmp_path, ending):
    truth = objects(4)
    found = np.where(truth == 1, 2, np.where(truth == 2, 1, truth))
    found[:50] = -1
    write_segmentation(
        tmp_path / "out",
        "room",
        segmentation(found, [0.9, 0.6, 0.3]),
        formats=("ply", "npz", "json", "coco"),
    )
    path = numbers(tmp_path / "room.txt", truth)
    figures = evaluate(tmp_path, tmp_path / "out" / f"room.{ending}", path)
    assert figures["benchmark"] == "class-agnostic"
    assert (figures["true_instances"], figures["proposals"]) == (3, 2), "70 points are too few"
    assert figures["objects"]["recall50"] == pytest.approx(2 / 3)
    assert figures["objects"]["mean_best_iou"] == pytest.approx(2 / 3)
    assert not figures["one_score"]


def test_masks_and_labels_in_scannets_files_score_as_in_the_benchmark(tmp_path):
    seeds = [
        seed
        for seed in range(60)
        if instance_case(seed)[3] == 30 and None not in BENCHMARK["cases"][str(seed)]
    ][:4]
    for seed in seeds:
        proposals, truths, _, min_region = instance_case(seed)
        predicted, labelled = tmp_path / f"{seed}" / "pred", tmp_path / f"{seed}" / "gt"
        for number, (found, truth) in enumerate(zip(proposals, truths, strict=True)):
            id = truth.semantic_label * 1000 + truth.instance_label + 1
            numbers(labelled / f"{number}.txt", np.where(truth.instance_label >= 0, id, 0))
            lines = []
            for k, rows in enumerate(found.rows):
                mask = np.zeros(len(id), int)
                mask[rows] = 1
                numbers(predicted / "masks" / f"{number}_{k}.txt", mask)
                label, score = int(found.semantic_label[k]), float(found.score[k])
                lines.append(f"masks/{number}_{k}.txt {label} {score!r}")
            numbers(predicted / f"{number}.txt", lines)
        figures = evaluate(
            tmp_path, predicted, labelled, "--benchmark", "scannet", "--min-region", min_region
        )
        known = [figures["classes"][key] for key in ("ap", "ap50", "ap25")]
        assert known == pytest.approx(BENCHMARK["cases"][str(seed)][:3], abs=1e-9)
    assert len(seeds) == 4


def test_sweeps_score_as_in_semantickittis_script(tmp_path, capsys):
    # car, another car, road as two raw classes, a person who moves, outliers
    words = np.repeat([(1 << 16) | 10, (2 << 16) | 10, 40, 60, (3 << 16) | 254, 1], 100)
    truth = tmp_path / "data" / "sequences" / "08" / "labels" / "000000.label"
    found = tmp_path / "mine" / "sequences" / "08" / "predictions" / "000000.label"
    for path in (truth, found):
        path.parent.mkdir(parents=True)
    words.astype("<u4").tofile(truth)
    predicted = np.where(words == 60, 40, words)
    predicted[:20] = (9 << 16) | 10  # a fifth of the first car is another one, of 20 points
    predicted.astype("<u4").tofile(found)
    figures = evaluate(tmp_path, tmp_path / "mine", tmp_path / "data")["panoptic"]
    car, road = figures["per_class"]["car"], figures["per_class"]["road"]
    assert (car["tp"], car["fp"], car["fn"]) == (2, 0, 0)
    assert car["pq"] == pytest.approx(0.9)
    assert (road["tp"], road["fp"], road["fn"], road["iou"]) == (0, 1, 2, 1.0)
    assert figures["all"]["pq"] == pytest.approx((0.9 + 1) / 19), "absent classes count as 0"
    assert "16 classes of 19 did not occur" in capsys.readouterr().out
    joined = evaluate(tmp_path, tmp_path / "mine", tmp_path / "data", "--merge-classes")
    assert joined["panoptic"]["per_class"]["road"]["pq"] == 1.0


def test_instances_without_classes_are_held_against_the_things_of_a_sweep(tmp_path):
    words = np.repeat([(1 << 16) | 10, (2 << 16) | 30, 40], SIZE)
    truth = tmp_path / "000000.label"
    words.astype("<u4").tofile(truth)
    found = tmp_path / "000000.npy"
    np.save(found, np.repeat([0, 1, 2], SIZE))
    figures = evaluate(tmp_path, found, truth, "--ids-from-zero")
    assert figures["objects"]["ap"] == figures["objects"]["pq"] == 1.0, "the road is void"
    assert figures["paired"]["per_class"]["person"]["ap"] == 1.0
    assert "panoptic" not in figures


def test_panoptic_nuscenes_is_read_from_its_archives(tmp_path):
    truth, found = tmp_path / "gt", tmp_path / "pred"
    for folder in (truth, found):
        folder.mkdir()
    # Raw classes: 17 car, 24 driveable surface, 0 noise. Classes of the benchmark: 4 and 11.
    raw = np.repeat([17001, 17002, 24000, 0], 20).astype(np.uint16)
    np.savez_compressed(truth / "abc_panoptic.npz", data=raw)
    predicted = np.repeat([4001, 4007, 11000, 4003], 20).astype(np.uint16)
    np.savez_compressed(found / "abc_panoptic.npz", data=predicted)
    figures = evaluate(tmp_path, found, truth, "--min-region", 15)
    assert figures["benchmark"] == "nuscenes"
    panoptic = figures["panoptic"]
    assert panoptic["per_class"]["car"]["pq"] == 1.0, "what lies on noise does not count"
    assert panoptic["all"]["pq"] == pytest.approx(2 / 16)
    assert panoptic["occurring"]["pq"] == 1.0


def test_folders_pair_up_by_name_and_say_what_they_lack(tmp_path, capsys):
    for name in ("a", "b"):
        numbers(tmp_path / "gt" / f"{name}.txt", objects(3))
    numbers(tmp_path / "pred" / "a.txt", objects(3))
    numbers(tmp_path / "pred" / "c.txt", objects(3))
    said = refused(capsys, tmp_path / "pred", tmp_path / "gt")
    assert "has 1 scan without a prediction (b)" in said and "--only-predicted" in said
    figures = evaluate(tmp_path, tmp_path / "pred", tmp_path / "gt", "--only-predicted")
    assert figures["scans"] == 1 and figures["objects"]["ap"] == 1.0
    assert len(figures["notes"]) == 2
    twice = evaluate(tmp_path, *[tmp_path / "pred" / "a.txt", tmp_path / "gt" / "a.txt"] * 2)
    assert twice["scans"] == 2 and len(twice["scans_by_name"]) == 2


def test_a_method_of_a_folder_is_picked_by_name(tmp_path, capsys):
    numbers(tmp_path / "gt" / "a.txt", objects(3))
    numbers(tmp_path / "pred" / "a-hdbscan.txt", objects(3))
    assert "give --method hdbscan" in refused(capsys, tmp_path / "pred", tmp_path / "gt")
    numbers(tmp_path / "pred" / "a.txt", np.full(3 * SIZE, -1))
    folders = (tmp_path / "pred", tmp_path / "gt")
    assert evaluate(tmp_path, *folders)["objects"]["ap"] == 0.0
    assert evaluate(tmp_path, *folders, "--method", "hdbscan")["objects"]["ap"] == 1.0
    assert "SCAN-dbscan" in refused(capsys, *folders, "--method", "dbscan")


def test_zero_is_no_instance_where_nothing_else_says_so(tmp_path, capsys):
    truth = numbers(tmp_path / "t.txt", np.repeat([0, 1, 2], SIZE))
    assert evaluate(tmp_path, truth, truth)["true_instances"] == 2
    assert "0 was read as no instance" in capsys.readouterr().err
    assert evaluate(tmp_path, truth, truth, "--ids-from-zero")["true_instances"] == 3


def test_a_scan_without_true_instances_has_no_figures_and_one_without_proposals_zeros(tmp_path):
    void = numbers(tmp_path / "void.txt", np.full(200, -1))
    some = numbers(tmp_path / "some.txt", objects(3))
    figures = evaluate(tmp_path, void, void)
    assert set(figures["objects"].values()) == {None}
    nothing = numbers(tmp_path / "nothing.txt", np.full(len(objects(3)), -1))
    assert set(evaluate(tmp_path, nothing, some)["objects"].values()) == {0.0}
    empty = tmp_path / "empty.txt"  # ScanNet's list of masks may be empty
    empty.write_text("")
    assert evaluate(tmp_path, empty, some)["objects"]["ap"] == 0.0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", "1\n2\nthree\n", "line 3 holds 'three'"),
        ("a.txt", "1.5\n" * 240, "no whole number"),
        ("a.txt", "99999999999\n" * 240, "beyond 32 bits"),
        ("a.txt", "1\n" * 100, "100 points, but the ground truth has 240"),
        ("a.txt", "m.txt 3 0.5\n", "names m.txt, which is not there"),
        ("a.txt", "../t.txt 3 0.5\n", "outside its folder"),
        ("a.txt", "m.txt chair 0.5\n", "line 1 reads"),
        ("a.txt", "t.txt 3 nan\n", "score of proposal 0 is nan"),
        ("a.npz", "PK", "not an NPZ archive"),
        ("a.label", "abc", "no whole number of labels"),
        ("a.coco.json", "{}", "no masks over points"),
        ("a.json", "[1, 2]", "no masks over points"),
        (
            "a.coco.json",
            '{"images": [], "annotations": [{"score": 1, "segmentation": '
            '{"size": [240], "counts": [0, 1000000000000]}}]}',
            "no masks over points",
        ),
        ("a.ply", "ply\nformat ascii 1.0\n", "not a PLY file"),
        ("a.npy", "", "not a NumPy array"),
        ("a.xyz", "1 2 3\n" * 240, "holds no instances"),
    ],
)
def test_predictions_that_cannot_be_evaluated_are_refused_in_words(
    tmp_path, capsys, name, content, words
):
    (tmp_path / name).write_text(content)
    truth = numbers(tmp_path / "t.txt", objects(2))
    assert words in refused(capsys, tmp_path / name, truth)


def test_arrays_that_name_no_instances_are_refused_in_words(tmp_path, capsys):
    truth = numbers(tmp_path / "t.txt", objects(2))
    bad = tmp_path / "bad.npz"
    for arrays, words in [
        ({"other": np.zeros(240)}, "an array `instance`"),
        ({"instance": np.zeros((240, 2), int)}, "one whole number a point"),
        ({"instance": objects(2), "score": np.zeros(0)}, "instance 0 has no score"),
        ({"instance": objects(2), "score": np.array(["high"])}, "a damaged one"),
        ({"data": np.full(240, -1)}, "is never < 0"),
    ]:
        np.savez(bad, **arrays)
        assert words in refused(capsys, bad, truth)
    np.savez(bad, data=np.full(240, 17_001))
    true = tmp_path / "true.npz"
    np.savez(true, data=np.full(240, 17_001))
    assert "class 17; a prediction for nuScenes" in refused(capsys, bad, true)


def test_arguments_that_do_not_fit_are_refused_in_words(tmp_path, capsys):
    path = numbers(tmp_path / "t.txt", objects(2))
    assert "1 paths" in refused(capsys, path)
    assert "no such file" in refused(capsys, path, tmp_path / "none.txt")
    assert "is a folder and" in refused(capsys, tmp_path, path)
    assert "no ground truth of semantickitti" in refused(
        capsys, path, path, "--benchmark", "semantickitti"
    )
    assert "--min-region" in refused(capsys, path, path, "--min-region", "0")
    assert "end the name with .json" in refused(capsys, path, path, "--out", tmp_path / "a.csv")
    (tmp_path / "blank").mkdir()
    assert "holds no file of instances" in refused(capsys, tmp_path / "blank", tmp_path)

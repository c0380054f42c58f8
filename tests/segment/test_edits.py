"""What a person merges, splits, removes and names is kept, and nothing else changes."""

import numpy as np
import pytest

from pointins_engine.errors import ConfigError, RunError
from pointins_engine.segment.edits import StaleEdits, apply_edits, delete_edits, edits_version
from pointins_engine.segment.layers import read_layer, write_layer
from tests.segment.small_scans import folder_of, found, stored


@pytest.fixture
def folder(room, tmp_path):
    """A layer in which every box is found, and the last two are one."""
    folder = folder_of(room, tmp_path / "s")
    segmentation = found(stored(room))
    label = np.where(segmentation.cell_label == 5, 4, segmentation.cell_label)
    wrong = found(stored(room), cell_label=label, names={0: "table", 4: "pile"})
    write_layer(folder, "pointins", wrong, label="PointINS", figures=None, votes="")
    return folder


@pytest.fixture
def labels(folder):
    return read_layer(folder, "pointins").cell_label.astype(np.int32)


@pytest.fixture
def right(room):
    return found(stored(room)).cell_label.astype(np.int32)


def rows(folder):
    return {row["id"]: row for row in folder.read_layer_record("edited")["instances"]}


def test_a_split_instance_is_hand_made_and_the_others_keep_their_scores(folder, right):
    before = {row["id"]: row for row in folder.read_layer_record("pointins")["instances"]}
    assert apply_edits(folder.root, "pointins", right, {}, 0) == 1
    after = rows(folder)
    assert [id for id, row in after.items() if row.get("by_hand")] == [4, 5]
    assert after[4]["score"] == after[5]["score"] == 1.0
    assert "name" not in after[4]
    for id in range(4):
        assert after[id] == before[id]


def test_a_merge_changes_no_other_id(folder, labels):
    merged = np.where(labels == 1, 3, labels)
    apply_edits(folder.root, "pointins", merged, {"3": "sofa", "1": "gone", "0": ""}, 0)
    after = rows(folder)
    assert list(after) == [0, 2, 3, 4]
    assert after[3]["name"] == "sofa" and after[3]["by_hand"]
    assert "name" not in after[0]
    np.testing.assert_array_equal(read_layer(folder, "edited").cell_label, merged)


def test_mending_the_mistake_makes_the_figures_perfect(folder, labels, right):
    apply_edits(folder.root, "pointins", labels, {}, 0)
    spoiled = folder.read_layer_record("edited")["figures"]
    apply_edits(folder.root, "pointins", right, {}, 1)
    mended = folder.read_layer_record("edited")["figures"]
    assert spoiled["ap50"] < 1
    assert mended["ap50"] == mended["recall50"] == 1


def test_stale_edits_are_refused_and_change_nothing(folder, labels, right):
    apply_edits(folder.root, "pointins", labels, {}, 0)
    before = folder.layer("edited").read_bytes()
    with pytest.raises(StaleEdits, match="edited elsewhere") as stale:
        apply_edits(folder.root, "pointins", right, {}, 0)
    assert stale.value.version == 1
    assert folder.layer("edited").read_bytes() == before
    assert apply_edits(folder.root, "pointins", right, {}, 1) == 2


def test_edits_can_be_taken_back(folder, right):
    apply_edits(folder.root, "pointins", right, {}, 0)
    delete_edits(folder.root)
    assert edits_version(folder) == 0
    assert folder.layer_names() == ["pointins"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda labels: labels[:-1], "each cell needs one"),
        (lambda labels: labels - 1, "reach from -2"),
        (lambda labels: labels + 40_000, "below 32,767"),
    ],
)
def test_impossible_labels_are_refused(folder, labels, change, words):
    with pytest.raises(ConfigError, match=words):
        apply_edits(folder.root, "pointins", change(labels), {}, 0)
    assert edits_version(folder) == 0


@pytest.mark.parametrize(
    "names", [{"x": "chair"}, {"-1": "chair"}, {"0": "a\nb"}, {"0": "a" * 101}]
)
def test_impossible_names_are_refused(folder, labels, names):
    with pytest.raises(ConfigError, match=r"no id with a name|letters"):
        apply_edits(folder.root, "pointins", labels, names, 0)


def test_edits_begin_from_a_layer_that_was_found(folder, labels):
    with pytest.raises(RunError, match="no layer is called 'dbscan'"):
        apply_edits(folder.root, "dbscan", labels, {}, 0)
    apply_edits(folder.root, "pointins", labels, {}, 0)
    with pytest.raises(ConfigError, match="not from earlier edits"):
        apply_edits(folder.root, "edited", labels, {}, 1)

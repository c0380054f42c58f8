"""The online probe measures what it says, on labels that training never sees."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from pointins_engine.config import LogConfig, RunConfig
from pointins_engine.errors import SceneError
from pointins_engine.evaluate.seen import SeenScene, see
from pointins_engine.recipes import get_recipe
from pointins_engine.run_log.records import SCALARS
from pointins_engine.scenes import SceneSet, open_scenes
from pointins_engine.scenes.source import simulated_seed
from pointins_engine.student_teacher import make_student_and_teacher
from pointins_engine.types import Scene
from pointins_engine.watching import probe
from pointins_engine.watching.probe import OnlineProbe, labelled_scenes, middle_of, open_probe

CLASSES = 3


def tiny(source: str = "sim:rooms", probe_every: int = 5, num_probed: int = 2) -> RunConfig:
    """The demo with the smallest encoder that still has every part."""
    demo = get_recipe("indoor_demo")
    small = {"depths": (1, 1), "channels": (8, 16), "heads": (1, 2), "patch_size": 32}
    return replace(
        demo,
        scene=replace(demo.scene, source=source, num_simulated=2, grid_size=0.12),
        backbone=replace(demo.backbone, **small),
        log=LogConfig(probe_every=probe_every, num_probed=num_probed),
    )


CONFIG = tiny()


@pytest.fixture
def labelled(room) -> Scene:
    """Six boxes on a floor: one class a row of boxes, one the floor."""
    assert room.instance_label is not None
    semantic = np.where(room.instance_label < 0, 0, 1 + room.instance_label // 3)
    return replace(room, semantic_label=semantic.astype(np.int32), class_names=("a", "b", "c"))


@pytest.fixture
def teacher():
    return make_student_and_teacher(CONFIG, torch.Generator().manual_seed(0))[1]


@pytest.fixture
def seen(labelled, teacher) -> SeenScene:
    return see(teacher, labelled, CONFIG)


def scene_set(scenes: list[Scene | None]) -> SceneSet:
    """Scenes of a folder; None is one that cannot be read."""

    def load(number: int) -> Scene:
        scene = scenes[number]
        if scene is None:
            raise SceneError("broken")
        return scene

    return SceneSet([f"scan_{number}" for number in range(len(scenes))], load)


def test_true_offsets_have_no_error_and_find_every_box(seen):
    truth = np.nan_to_num(seen.true_centroid - seen.coord).astype(np.float32)
    perfect = replace(seen, offset=truth)
    figures = probe.vote_figures([perfect])
    assert figures["probe/centroid_error_m"] == pytest.approx(0, abs=1e-6)
    assert figures["probe/cosine"] == pytest.approx(1, abs=1e-5)
    found = probe.read_out_ap([perfect], probe.read_out(0.12), without_planes=True)
    assert found.ap50 == pytest.approx(1.0)


def test_votes_that_stay_where_they_are_have_the_error_of_no_learning(seen):
    figures = probe.vote_figures([replace(seen, offset=np.zeros_like(seen.offset))])
    assert figures["probe/centroid_error_m"] == figures["probe/zero_error_m"] > 0.1
    assert figures["probe/cosine"] == 0


def test_features_that_tell_the_class_give_full_accuracy_and_others_chance(seen):
    own = np.eye(CLASSES, dtype=np.float32)[seen.semantic_label]
    same = np.ones((len(own), CLASSES), np.float32)
    told, blind = (
        probe.semantic_figures([replace(seen, feat=feat), replace(seen, feat=feat)])
        for feat in (own, same)
    )
    commonest = np.bincount(seen.semantic_label[seen.semantic_label >= 0]).max()
    assert told["probe/nn_accuracy"] == 1.0
    assert told["probe/chance"] == pytest.approx(commonest / (seen.semantic_label >= 0).sum())
    assert blind["probe/nn_accuracy"] <= told["probe/chance"] + 1e-6


def test_the_bank_holds_no_scene_that_is_asked_for(seen):
    """With swapped classes in the other half, a bank that held the asked scene would be right."""
    own = np.eye(CLASSES, dtype=np.float32)[seen.semantic_label]
    swapped = replace(seen, feat=own, semantic_label=(seen.semantic_label + 1) % CLASSES)
    figures = probe.semantic_figures([replace(seen, feat=own), swapped])
    assert figures["probe/nn_accuracy"] == 0


def test_scenes_without_objects_or_classes_have_no_figures_instead_of_nan(seen):
    nothing = np.full_like(seen.instance_label, -1)
    bare = replace(seen, instance_label=nothing, semantic_label=nothing)
    assert probe.vote_figures([bare]) == {}
    assert probe.semantic_figures([bare, bare]) == {}


def test_a_probe_measures_again_what_it_measured_first(labelled, teacher):
    mine = OnlineProbe(CONFIG, lambda: [labelled, labelled])
    first, again = mine.measure(teacher), mine.measure(teacher)
    assert set(first) <= set(SCALARS) and first["time/probe_s"] > 0
    assert {"probe/nn_accuracy", "probe/chance", "probe/ap50", "probe/cosine"} <= set(first)
    assert all(math.isfinite(value) for value in first.values())
    for key in set(first) - {"time/probe_s"}:
        assert first[key] == again[key], key


def test_a_probe_sees_what_the_teacher_has_become(labelled, teacher):
    mine = OnlineProbe(CONFIG, lambda: [labelled, labelled])
    before = mine.measure(teacher)
    with torch.no_grad():
        for weight in teacher.offset_head.parameters():
            weight.add_(0.3)
    after = mine.measure(teacher)
    assert after["probe/centroid_error_m"] != before["probe/centroid_error_m"]
    assert after["probe/nn_accuracy"] == before["probe/nn_accuracy"]


def test_a_probe_leaves_the_teacher_and_the_random_numbers_alone(labelled, teacher):
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    state = torch.get_rng_state()
    OnlineProbe(CONFIG, lambda: [labelled, labelled]).measure(teacher)
    assert torch.equal(torch.get_rng_state(), state) and not teacher.training
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_without_an_offset_branch_the_probe_asks_for_classes_alone(labelled):
    config = replace(CONFIG, offset=replace(CONFIG.offset, enabled=False))
    network = make_student_and_teacher(config, torch.Generator().manual_seed(0))[1]
    figures = OnlineProbe(config, lambda: [labelled, labelled]).measure(network)
    assert set(figures) == {"probe/nn_accuracy", "probe/chance", "time/probe_s"}


def test_simulated_scenes_of_the_probe_are_not_trained_on():
    mine, sentence = open_probe(CONFIG, open_scenes(CONFIG.scene, CONFIG.seed))
    assert mine is not None and sentence
    probed = {scene.id for scene in mine._load()}
    assert probed == {f"room_{simulated_seed(number, 0, 'val')}" for number in range(2)}
    for seed in range(3):
        assert not probed & set(open_scenes(CONFIG.scene, seed).ids)


def test_labelled_scenes_of_a_folder_are_found_and_only_some_are_opened(labelled):
    bare = replace(labelled, semantic_label=None)
    scenes = scene_set([None, labelled, bare, labelled, labelled])
    assert labelled_scenes(scenes, 2) == [1, 3]
    many = scene_set([bare] * 100)
    many._load = lambda number: opened.append(number) or bare  # type: ignore[method-assign]
    opened: list[int] = []
    assert labelled_scenes(many, 2) == [] and len(opened) == 4 and max(opened) == 75


def test_scenes_without_labels_have_no_probe_and_the_run_says_so(labelled):
    bare = replace(labelled, instance_label=None)
    found, sentence = open_probe(tiny("scans"), scene_set([bare, bare, labelled]))
    assert found is None and "1 of the scenes" in sentence and "labels" in sentence
    found, sentence = open_probe(tiny("scans"), scene_set([bare, labelled, labelled]))
    assert found is not None and "scan_1, scan_2" in sentence


def test_a_probe_can_be_switched_off():
    assert open_probe(tiny(probe_every=0), scene_set([])) == (None, "")


def test_a_probe_is_due_every_so_many_steps(labelled):
    mine = OnlineProbe(CONFIG, lambda: [labelled])
    assert [step for step in range(12) if mine.is_due(step)] == [0, 5, 10]


def test_a_large_scan_is_cut_to_its_middle_with_all_that_belongs_to_its_points(
    labelled, monkeypatch
):
    monkeypatch.setattr(probe, "MAX_VOXELS", 300)
    small = middle_of(labelled, 0.12)
    assert 0 < len(small) < len(labelled)
    row = {tuple(place): number for number, place in enumerate(labelled.coord.tolist())}
    part = [row[tuple(place)] for place in small.coord.tolist()]
    np.testing.assert_array_equal(small.semantic_label, labelled.semantic_label[part])
    np.testing.assert_array_equal(small.color, labelled.color[part])
    reach = np.ptp(small.coord[:, :2], axis=0)
    assert np.all(reach < 0.8 * np.ptp(labelled.coord[:, :2], axis=0))
    monkeypatch.setattr(probe, "MAX_VOXELS", 10**6)
    assert middle_of(labelled, 0.12) is labelled


def test_a_large_scan_has_the_same_cells_at_every_measurement(labelled, teacher, monkeypatch):
    monkeypatch.setattr(probe, "MAX_VOXELS", 300)
    mine = OnlineProbe(CONFIG, lambda: [labelled, labelled])
    first, again = mine.measure(teacher), mine.measure(teacher)
    assert first["probe/centroid_error_m"] == again["probe/centroid_error_m"]


def test_a_dataset_is_probed_on_its_validation_split(labelled, tmp_path):
    arrays = {"segment": "semantic_label", "instance": "instance_label", "coord": "coord"}
    for split, id in (("train", "a"), ("train", "b"), ("val", "c"), ("val", "d")):
        (tmp_path / split / id).mkdir(parents=True)
        for name, field in arrays.items():
            np.save(tmp_path / split / id / f"{name}.npy", getattr(labelled, field))
    config = tiny(str(tmp_path))
    scenes = open_scenes(config.scene, 0)
    found, sentence = open_probe(config, scenes)
    assert found is not None and {scene.id for scene in found._load()} == {"c", "d"}
    assert sentence == "Online probe on c, d, which are held out." and scenes.ids == ["a", "b"]
    everything = replace(config, scene=replace(config.scene, splits=("train", "val")))
    _, sentence = open_probe(everything, open_scenes(everything.scene, 0))
    assert "labels are used for it alone" in sentence

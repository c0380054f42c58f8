"""What is measured of a network: true offsets score best, zero offsets as the geometry does."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pointins_engine.errors import RunError, SceneError
from pointins_engine.evaluate.kept import kept
from pointins_engine.evaluate.networks import (
    evaluate_network,
    load_teacher,
    untrained_teacher,
    zero_offset_figures,
)
from pointins_engine.evaluate.read_out import best_read_out, on_points, read_out_ap, read_outs
from pointins_engine.evaluate.scene_sets import EvaluationScenes
from pointins_engine.evaluate.seen import most_common, see
from pointins_engine.evaluate.votes import vote_errors
from pointins_engine.scenes.simulate.indoor.rooms import simulate_room
from pointins_engine.scenes.source import complete
from pointins_engine.segment import Instances, ReadOut
from pointins_engine.trainer import pretrain

VOTES = ReadOut(radii=(0.06, 0.09, 0.14))


def test_cells_take_the_label_of_most_of_their_points():
    cell = np.array([0, 0, 0, 1, 1, 3])
    label = np.array([5, 5, -1, 2, 1, -1])
    assert most_common(cell, label, 5).tolist() == [5, 1, -1, -1, -1]


def test_every_point_lies_near_its_voxel_and_its_cell(seen, simulated, small_config):
    voxel = seen.voxel_coord[seen.voxel_of_point]
    diagonal = np.sqrt(3) * small_config.scene.grid_size
    assert np.linalg.norm(voxel - simulated.coord, axis=1).max() <= diagonal
    cell = seen.coord[seen.cell_of_voxel]
    assert np.linalg.norm(cell - seen.voxel_coord, axis=1).max() <= 2 * diagonal


def test_a_cell_knows_the_centroid_of_its_instance(seen, simulated):
    number = simulated.instance_label[simulated.instance_label >= 0][0]
    member = simulated.instance_label == number
    rows = seen.instance_label == number
    expected = np.broadcast_to(simulated.coord[member].mean(axis=0), (int(rows.sum()), 3))
    np.testing.assert_allclose(seen.true_centroid[rows], expected, atol=1e-4)  # float32 sums
    assert np.isnan(seen.true_centroid[seen.instance_label < 0]).all()


def test_scenes_without_labels_are_refused(simulated, small_config):
    with pytest.raises(SceneError, match="no instance labels"):
        see(untrained_teacher(small_config), replace(simulated, instance_label=None), small_config)


def test_true_offsets_have_no_error(seen_truly, small_config):
    found = vote_errors([seen_truly], small_config.scr)
    assert found.cosine == pytest.approx(1, abs=1e-5)
    assert found.centroid_error == pytest.approx(0, abs=1e-6)
    assert found.length == pytest.approx(found.zero_error)


def test_zero_offsets_are_as_wrong_as_their_distance(seen, small_config):
    still = replace(seen, offset=np.zeros_like(seen.offset))
    found = vote_errors([still], small_config.scr)
    assert found.centroid_error == found.zero_error > 0.1
    assert found.length == 0


def test_true_offsets_read_out_far_better_than_none(seen, seen_truly):
    still = replace(seen, offset=np.zeros_like(seen.offset))
    truly = read_out_ap([seen_truly], VOTES, without_planes=False)
    geometry = read_out_ap([still], VOTES, without_planes=False)
    # Not 1: a voxel votes with its cell, and cells on a border hold points of two objects.
    assert truly.ap50 > 0.8
    assert truly.ap50 > 2 * geometry.ap50


def test_instances_of_voxels_become_the_points_nearest_to_them():
    instances = Instances(rows=[np.array([2, 0]), np.array([1])], score=np.array([0.9, 0.2]))
    found = on_points(instances, np.array([0, 1, 2, 2, 3]))
    assert [sorted(rows.tolist()) for rows in found.rows] == [[0, 2, 3], [1]]


def test_the_read_out_that_does_best_on_development_scenes_is_chosen(seen_truly):
    poor = ReadOut(radii=(3.0,))
    choice, ap = best_read_out([poor, VOTES], [seen_truly], without_planes=False)
    assert choice == VOTES
    assert ap == read_out_ap([seen_truly], VOTES, without_planes=False).ap


def test_scans_without_colour_have_no_coloured_rows():
    bare = read_outs(0.06, has_color=False, domain="indoor", without_planes=True)
    assert "votes + colour" not in bare


def test_an_evaluation_names_every_figure(small_config):
    room = complete(simulate_room(77, num_points=4_000), small_config.scene, 77)
    scenes = EvaluationScenes(probe=(room,), development=(room,), unseen=(room,))
    found = evaluate_network(untrained_teacher(small_config), small_config, scenes)
    # Probed on the rows they were fitted on: every one of them is among its own neighbours.
    assert 0.5 < found["neighbour_accuracy"] <= 1
    assert 0.5 < found["linear_accuracy"] <= 1
    for points in ("all", "without_planes"):
        assert set(found[points]) == {"components", "votes", "votes + colour", "best"}
        rows = dict(found[points])
        best = rows.pop("best")
        # Development and unseen scenes are the same here: what was chosen is the best.
        assert rows[best]["ap"] == max(row["ap"] for row in rows.values())
    still = zero_offset_figures(small_config, scenes)
    assert set(still) == {"all", "without_planes"}


def test_a_teacher_comes_back_from_its_run(tmp_path, small_config, simulated):
    scene = replace(small_config.scene, num_simulated=1)
    config = replace(
        small_config,
        scene=scene,
        view=replace(small_config.view, max_points=1024),
        optim=replace(small_config.optim, steps=1, batch_scenes=1),
        log=replace(small_config.log, num_inspected=1, probe_every=0),
    )
    with pytest.raises(RunError, match="holds no run"):
        load_teacher(tmp_path / "run")
    pretrain(config, tmp_path / "run", recipe="indoor_demo")
    network, stored = load_teacher(tmp_path / "run")
    assert stored == config
    assert not any(parameter.requires_grad for parameter in network.parameters())
    moved = see(network, simulated, config).offset
    assert not np.array_equal(moved, see(untrained_teacher(config), simulated, config).offset)
    (weights,) = (tmp_path / "run" / "checkpoints").glob("*/teacher.safetensors")
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(RunError, match="damaged"):
        load_teacher(tmp_path / "run")


def test_an_untrained_teacher_is_the_one_a_run_starts_with(small_config):
    first, second = untrained_teacher(small_config), untrained_teacher(small_config)
    other = untrained_teacher(replace(small_config, seed=1))
    for mine, same in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(mine, same)
    assert any(
        not torch.equal(mine, theirs)
        for mine, theirs in zip(first.parameters(), other.parameters(), strict=True)
    )


def test_figures_are_measured_once_until_what_made_them_changes(tmp_path):
    asked = []

    def measure():
        asked.append(1)
        return {"ap": 0.5, "miou": float("nan")}

    path = tmp_path / "evaluations" / "both-s0.json"
    for _ in range(2):
        assert kept(path, {"steps": 1}, measure) == {"ap": 0.5, "miou": None}
    assert len(asked) == 1
    kept(path, {"steps": 2}, measure)
    assert len(asked) == 2
    path.write_text('{"digest": "half a')
    assert kept(path, {"steps": 2}, measure)["ap"] == 0.5

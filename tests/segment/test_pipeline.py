"""A scan in, instances out: what is found, what is said of it, and that it stays the same."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from pointins_engine.segment.classical import cluster_scene
from pointins_engine.segment.pipeline import segment_scene
from pointins_engine.segment.settings import SegmentSettings
from tests.segment.oracle import oracle, small_network

INDOOR = SegmentSettings(domain="indoor")


def test_true_offsets_give_the_true_instances_and_their_centroids(room):
    found = segment_scene(room, oracle(room), INDOOR)
    inside = room.instance_label >= 0
    assert adjusted_rand_score(room.instance_label[inside], found.label[inside]) > 0.8
    truth = np.stack([room.coord[room.instance_label == k].mean(axis=0) for k in range(6)])
    best = np.linalg.norm(found.centroid[:, None] - truth, axis=2).min(axis=0)
    assert best.max() < 0.1
    assert (np.diff(found.score) <= 0).all() and 0 < found.score[0] <= 1


def test_what_scores_under_the_least_score_is_no_instance(room):
    every = segment_scene(room, small_network(), replace(INDOOR, least_score=0.0))
    least = float(np.median(every.score))
    some = segment_scene(room, small_network(), replace(INDOOR, least_score=least))
    np.testing.assert_array_equal(some.score, every.score[every.score >= least])
    assert 0 < len(some.score) < len(every.score)
    is_sure = every.label < len(some.score)  # numbers fall with scores
    np.testing.assert_array_equal(some.label, np.where(is_sure, every.label, -1))


def test_where_a_result_comes_from_is_kept_ready_for_json(room):
    network = small_network(command="pointins pretrain", steps=7)
    found = segment_scene(room, network, INDOOR)
    kept = json.loads(json.dumps(dict(found.provenance)))
    assert kept["network"] == {"checkpoint": "small", "command": "pointins pretrain", "steps": 7}
    assert (kept["scale"], kept["domain"], kept["cell_size_m"]) == (1.0, "indoor", 0.06)
    assert set(found.seconds) == {"votes", "grouping"}
    assert SegmentSettings.from_values(found.settings) == INDOOR


def test_the_phases_are_told_in_order(room):
    told = []
    segment_scene(room, small_network(), INDOOR, lambda phase, *count: told.append(phase))
    assert list(dict.fromkeys(told)) == ["planes", "network", "grouping"]


def test_a_scan_of_nothing_but_floor_says_so_and_what_to_try(room):
    floor = replace(
        room,
        coord=room.coord[:3000],
        color=room.color[:3000],
        normal=None,
        instance_label=None,
        is_plane=None,
    )
    found = segment_scene(floor, small_network(), INDOOR)
    assert len(found.score) == 0 and (found.label == -1).all()
    assert "No objects found: 100% of the scan" in found.provenance["notes"][-1]
    assert "--planes keep" in found.provenance["notes"][-1]


def test_groups_that_are_all_too_small_say_what_to_try(room):
    found = segment_scene(room, small_network(), replace(INDOOR, min_size=10_000))
    assert "--min-size" in found.provenance["notes"][-1]


@pytest.mark.parametrize("method", ["components", "dbscan"])
def test_a_classical_method_works_on_the_same_cells_without_a_network(room, method):
    found = cluster_scene(room, method, INDOOR)
    inside = room.instance_label >= 0
    assert adjusted_rand_score(room.instance_label[inside], found.label[inside]) > 0.8
    assert found.method == method and not found.cell_offset.any()
    assert found.settings["planes"] == "remove"


def test_a_classical_method_that_finds_nothing_says_so(room):
    floor = replace(
        room,
        coord=room.coord[:3000],
        color=None,
        normal=None,
        instance_label=None,
        is_plane=np.ones(3000, bool),
    )
    found = cluster_scene(floor, "components", INDOOR)
    assert "found no objects. Try --planes keep" in found.provenance["notes"][0]

"""Offsets of labelled objects and of clusters: known bodies give their known lengths."""

from dataclasses import replace

import numpy as np
import pytest

from pointins_engine.errors import ConfigError, SceneError
from pointins_engine.offset_prior import offsets
from pointins_engine.offset_prior.measure import label_free_prior, labelled_prior, sampled
from pointins_engine.offset_prior.offsets import find_clusters, label_free_offsets, labelled_offsets
from pointins_engine.types import Scene

CELL, STREET_CELL = 0.1, 0.4  # metres


def scene(*parts, is_plane=None, semantic=None, names=(), id="made"):
    """A scene of point groups; each is an instance, planes have none."""
    coord = np.concatenate(parts).astype(np.float32)
    number = np.repeat(np.arange(len(parts)), [len(part) for part in parts]).astype(np.int32)
    plane = np.zeros(len(parts), bool) if is_plane is None else np.array(is_plane)
    kind = np.full(len(parts), -1, np.int32) if semantic is None else np.array(semantic, np.int32)
    return Scene(
        id=id,
        coord=coord,
        instance_label=np.where(plane[number], -1, number).astype(np.int32),
        semantic_label=kind[number],
        class_names=names,
        is_plane=plane[number],
    )


def ball(centre, radius, seed=0, count=3000):
    """Points on a sphere: each lies `radius` from the centre."""
    direction = np.random.default_rng(seed).normal(size=(count, 3))
    return centre + radius * direction / np.linalg.norm(direction, axis=1, keepdims=True)


def block(low, size, spacing=0.05):
    """Points on a lattice on the four sides and the top of a box."""
    low, size = np.array(low, float), np.array(size, float)
    lines = [np.arange(0, s + spacing / 2, spacing) for s in size]
    grid = np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, 3)
    far = size - spacing / 2
    on_side = (grid[:, :2] < spacing / 2).any(1) | (grid[:, :2] > far[:2]).any(1)
    return low + grid[on_side | (grid[:, 2] > far[2])]


def floor(x, y, spacing=0.05):
    grid = np.stack(np.meshgrid(np.arange(*x, spacing), np.arange(*y, spacing)), -1).reshape(-1, 2)
    return np.c_[grid, np.zeros(len(grid))]


def lengths(offset):
    return np.linalg.norm(offset, axis=1)


def test_labelled_offsets_point_to_the_centres_of_objects():
    made = scene(ball([0, 0, 0], 0.5), ball([0.6, 0, 0], 0.5, seed=1))  # they touch; labels tell
    found = lengths(labelled_offsets(made, CELL))
    # Points of a cell are averaged, which draws them in by a small part of a cell.
    assert found.mean() == pytest.approx(0.5, abs=0.01)
    assert found.std() < 0.02


def test_dense_scanning_counts_no_more_than_thin():
    """An object with a hundred times the points of another has as many offsets."""
    dense = np.tile(ball([0, 0, 0], 0.5), (100, 1))
    both = labelled_offsets(scene(dense, ball([3, 0, 0], 0.5)), CELL)
    one = labelled_offsets(scene(ball([3, 0, 0], 0.5)), CELL)
    assert len(both) == pytest.approx(2 * len(one), rel=0.05)


def test_walls_stuff_and_crumbs_are_no_objects():
    parts = ball([0, 0, 0], 0.5), floor((0, 4), (0, 4)), ball([2, 0, 1], 0.5), ball([9, 0, 0], 0.05)
    names = ("chair", "floor")
    made = scene(*parts, semantic=[0, 1, 0, 0], names=names)
    found = lengths(labelled_offsets(made, CELL))
    assert found.max() < 0.55  # neither the floor's metres nor the crumb's centimetres
    assert found.min() > 0.4
    nothing = replace(made, instance_label=np.full(len(made), -1, np.int32))
    assert len(labelled_offsets(nothing, CELL)) == 0


def test_a_scene_without_labels_says_what_to_do():
    made = replace(scene(ball([0, 0, 0], 0.5)), instance_label=None)
    with pytest.raises(SceneError, match="--method hdbscan"):
        labelled_offsets(made, CELL)
    with pytest.raises(SceneError, match="open_scenes"):
        label_free_offsets(replace(made, is_plane=None), CELL, "indoor", np.random.default_rng(0))


def test_clusters_of_known_radius_give_that_length():
    made = [
        scene(*(ball([3 * k, 0, 0], 0.5, seed=k) for k in range(4)), id=f"scene-{number}")
        for number in range(2)
    ]
    prior = label_free_prior(made, cell_size=CELL, domain="indoor", seed=0, source="balls")
    assert prior.mean() == pytest.approx(0.5, abs=0.02)
    assert prior.quantile(np.array([0.05]))[0] == pytest.approx(0.5, abs=0.05)
    assert prior.provenance.scenes == ("scene-0", "scene-1")
    assert not prior.provenance.labels_used


def room():
    """Six pieces of furniture on a floor between two walls, and a lamp that hangs free."""
    wall = floor((0, 5), (0, 2.5))
    walls = wall[:, [0, 2, 1]], wall[:, [2, 0, 1]]
    pieces = [
        block(low, size)
        for low, size in [
            ((0.3, 0.3, 0), (0.6, 0.5, 0.9)),
            ((2.0, 0.3, 0), (1.2, 0.6, 0.7)),
            ((4.2, 0.5, 0), (0.5, 0.5, 0.8)),
            ((0.4, 2.5, 0), (0.8, 1.0, 0.5)),
            ((2.2, 2.3, 0), (0.5, 0.5, 0.9)),
            ((3.8, 3.0, 0), (0.9, 0.9, 0.7)),
        ]
    ]
    lamp = ball([2.5, 1.6, 1.9], 0.2, count=2000)
    parts = floor((0, 5), (0, 5)), *walls, *pieces, lamp
    return scene(*parts, is_plane=[True] * 3 + [False] * 7)


def test_planes_left_in_more_than_double_the_lengths():
    made = room()
    truth = lengths(labelled_offsets(made, CELL)).mean()
    rng = np.random.default_rng(0)
    ours = lengths(label_free_offsets(made, CELL, "indoor", rng)).mean()
    chained = lengths(find_clusters(made.coord, CELL, rng).offset()).mean()
    assert ours == pytest.approx(truth, rel=0.2)
    assert chained > 2 * truth


def street():
    """Two cars and a person between a hedge, a house front and a hanging sign."""
    things = (
        block((0, 0, 0.3), (4.2, 1.8, 1.2), 0.1),
        block((12, 3, 0.3), (4.0, 1.7, 1.1), 0.1),
        block((7, 9, 0.2), (0.6, 0.5, 1.6), 0.1),
    )
    others = (
        block((-10, 14, 0.2), (25, 1.0, 1.5), 0.1),
        block((-10, -9, 0.2), (9.0, 6.0, 7.0), 0.15),
        block((20, 6, 3.0), (2.0, 0.5, 1.0), 0.1),
    )
    ground = floor((-12, 24), (-10, 16), 0.4)
    made = scene(ground, *things, *others, is_plane=[True] + [False] * 6)
    is_other = np.isin(made.instance_label, [4, 5, 6])
    return replace(made, instance_label=np.where(is_other, -1, made.instance_label))


def test_outdoors_only_clusters_that_look_like_things_count():
    made = street()
    truth = lengths(labelled_offsets(made, STREET_CELL))
    found = lengths(label_free_offsets(made, STREET_CELL, "outdoor", np.random.default_rng(0)))
    assert found.mean() == pytest.approx(truth.mean(), rel=0.1)
    assert found.max() < 2.6  # half a car; a point of the hedge is up to 12 m from its centre
    every = find_clusters(made.coord[~made.is_plane], STREET_CELL, np.random.default_rng(0))
    assert lengths(every.offset()).max() > 10
    turned = replace(made, coord=made.coord[:, [1, 0, 2]] * np.float32([1, -1, 1]))
    again = lengths(label_free_offsets(turned, 0.2, "outdoor", np.random.default_rng(0)))
    assert again.mean() == pytest.approx(found.mean(), rel=0.02)


def test_indoors_clusters_longer_than_a_bed_do_not_count():
    made = room()
    row = scene(*(block((0.2 + 0.6 * k, 0.3, 0), (0.58, 0.5, 0.9)) for k in range(7)))
    coord = np.concatenate([made.coord, row.coord + np.float32([8, 0, 0])])
    is_plane = np.concatenate([made.is_plane, np.zeros(len(row), bool)])
    both = replace(made, coord=coord, is_plane=is_plane, instance_label=None, semantic_label=None)
    alone = lengths(label_free_offsets(made, CELL, "indoor", np.random.default_rng(0)))
    found = lengths(label_free_offsets(both, CELL, "indoor", np.random.default_rng(0)))
    assert len(found) == len(alone)
    every = find_clusters(coord[~is_plane], CELL, np.random.default_rng(0))
    assert lengths(every.offset()).max() > 2


def test_the_part_of_a_large_scene_is_drawn_from_the_seed(monkeypatch):
    monkeypatch.setattr(offsets, "MAX_CELLS", 300)
    cell = np.stack(np.meshgrid(np.arange(40.0), np.arange(40.0), [0.0]), -1).reshape(-1, 3)
    part = offsets._crop(cell, np.random.default_rng(0))
    assert len(part) == 300
    assert np.linalg.norm(part - part.mean(0), axis=1).max() < 25  # a disc or a piece of one
    np.testing.assert_array_equal(part, offsets._crop(cell, np.random.default_rng(0)))


def test_no_cluster_and_no_object_are_errors_that_name_the_fix():
    scattered = scene(np.random.default_rng(0).uniform(0, 100, (30, 3)))
    with pytest.raises(ConfigError, match=r"no cluster in 1 scene.*choose odr.prior.kind"):
        label_free_prior([scattered], cell_size=CELL, domain="indoor", seed=0, source="")
    with pytest.raises(ConfigError, match=r"no labelled object of 10 cells.*--method hdbscan"):
        labelled_prior([scene(ball([0, 0, 0], 0.05))], cell_size=CELL, source="")


def test_a_sample_is_one_percent_and_at_least_one_scene():
    assert len(sampled(1201, 0.01, seed=0)) == 12
    assert len(sampled(20, 0.01, seed=0)) == 1
    assert sampled(5, 1.0, seed=0) == [0, 1, 2, 3, 4]
    assert sampled(1201, 0.01, seed=0) == sampled(1201, 0.01, seed=0)
    assert sampled(1201, 0.01, seed=0) != sampled(1201, 0.01, seed=1)
    for share in (0.0, 1.5):
        with pytest.raises(ConfigError, match=r"in \(0, 1\]"):
            sampled(10, share, seed=0)


def test_a_sample_says_that_labels_were_used_and_how_many():
    prior = labelled_prior(
        [scene(ball([0, 0, 0], 0.5))], cell_size=CELL, source="x", share=0.01, seed=5
    )
    made = prior.provenance
    assert (made.method, made.labels_used, made.seed) == ("sample", True, 5)
    assert made.settings["share"] == 0.01

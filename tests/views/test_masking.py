"""Blocks are hidden whole, in the share that was asked for, and never everything."""

from dataclasses import replace

import numpy as np
import pytest

from pointins_engine.recipes import get_recipe
from pointins_engine.views import collate, make_views, visible_voxels
from pointins_engine.views.masking import hide

CONFIG = get_recipe("indoor_demo")
GRID = CONFIG.scene.grid_size


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def views_of(room, masking="removed", seed=0):
    config = replace(CONFIG.view, masking=masking)
    return make_views(room, CONFIG.scene, config, rng(seed), mask_size=0.42, mask_ratio=0.5)


@pytest.fixture
def view(room):
    """A view that hides nothing."""
    return make_views(room, CONFIG.scene, CONFIG.view, rng(), mask_size=0.42, mask_ratio=0.0)[0]


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.7])
def test_the_share_of_hidden_blocks_is_exact(view, ratio):
    visible = visible_voxels(view.coord, 0.42, ratio, rng(1))
    block = np.floor((view.coord - view.coord.min(axis=0)) / 0.42).astype(int)
    shown: dict[tuple[int, ...], set[bool]] = {}
    for row, is_visible in zip(block.tolist(), visible.tolist(), strict=True):
        shown.setdefault(tuple(row), set()).add(is_visible)
    assert all(len(states) == 1 for states in shown.values()), "a block is hidden whole"
    hidden = sum(states == {False} for states in shown.values())
    assert hidden == int(ratio * len(shown))


def test_no_view_loses_everything(view):
    for seed in range(20):
        assert visible_voxels(view.coord, 5.0, 0.99, rng(seed)).any()


def test_a_generator_is_a_mask(view):
    a, b, c = (visible_voxels(view.coord, 0.42, 0.5, rng(seed)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_removed_voxels_leave_and_the_others_stay_where_they_are(view):
    shown = hide(view.shown, 0.42, 0.5, "removed", GRID, rng(2))
    assert 0 < len(shown.row) < len(view.coord)
    np.testing.assert_array_equal(shown.coord, view.coord[shown.row])
    np.testing.assert_array_equal(shown.grid_coord, view.grid_coord[shown.row])
    assert not shown.is_masked.any()


def test_masked_voxels_stay_jittered_by_at_most_two_centimetres_an_axis(view):
    shown = hide(view.shown, 0.42, 0.5, "token", GRID, rng(2))
    visible = visible_voxels(view.coord, 0.42, 0.5, rng(2))
    moved = shown.coord - view.coord[shown.row]
    np.testing.assert_array_equal(shown.is_masked, ~visible[shown.row])
    assert (moved[~shown.is_masked] == 0).all()
    jitter = moved[shown.is_masked]
    assert (np.abs(jitter) <= 0.02 + 1e-6).all()
    assert 0.008 < jitter.std() < 0.011  # sigma is 0.01, a little less after clipping
    assert jitter.min() < -0.019 and jitter.max() > 0.019  # both sides


def test_a_masked_voxel_never_takes_the_place_of_a_visible_one(view):
    shown = hide(view.shown, 0.42, 0.5, "token", GRID, rng(2))
    visible = visible_voxels(view.coord, 0.42, 0.5, rng(2))
    assert len(np.unique(shown.grid_coord, axis=0)) == len(shown.grid_coord)
    # Visible voxels share a place only where the grid begins elsewhere after the jitter.
    assert np.isin(np.flatnonzero(visible), shown.row).mean() > 0.95
    assert shown.is_masked.sum() > 0.7 * (~visible).sum()


@pytest.mark.parametrize("masking", ["removed", "token"])
def test_the_student_gets_rows_of_the_view_and_the_teacher_all_of_it(room, masking):
    views = views_of(room, masking)
    batch = collate(views)
    assert len(batch.points.feat) == sum(len(view.coord) for view in views)
    student = batch.student_points
    for number, view in enumerate(views):
        mine = student.batch_index == number
        row = view.shown.row
        np.testing.assert_array_equal(student.origin_coord[mine], view.origin_coord[row])
        np.testing.assert_array_equal(student.coord[mine], view.shown.coord)
        np.testing.assert_array_equal(student.feat[mine], view.feat[row])
        np.testing.assert_array_equal(student.grid_coord[mine], view.shown.grid_coord)
        if masking == "token":
            np.testing.assert_array_equal(student.is_masked[mine], view.shown.is_masked)
    assert (student.is_masked is None) == (masking == "removed")
    assert batch.points.is_masked is None

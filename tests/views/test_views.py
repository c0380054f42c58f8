"""Views remember their map; offsets turn with a view and do not shift."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pointins_engine.config import ViewConfig
from pointins_engine.recipes import get_recipe
from pointins_engine.views import collate, make_views, whole_view
from pointins_engine.views.augment import ColorShift, random_linear_map

CONFIG = get_recipe("indoor_demo")
CALM = replace(CONFIG.view, jitter=0.0)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_perfect_head_gives_the_true_offset_back_in_the_scene_frame(room):
    """o_view = A (c - x) becomes c - x, whatever the augmentation: the oracle of Sec. 3.2."""
    center = torch.tensor([1.0, 2.0, 0.5])
    for seed in range(5):
        batch = collate(make_views(room, CONFIG.scene, CONFIG.view, rng(seed)))
        truth = center - batch.points.origin_coord
        linear = batch.linear[batch.points.batch_index]
        seen = torch.einsum("nij,nj->ni", linear, truth)
        back = batch.to_scene_frame(seen, batch.points.batch_index)
        torch.testing.assert_close(back, truth, atol=1e-5, rtol=0)


def test_differences_of_positions_follow_the_linear_map(room):
    view = make_views(room, CONFIG.scene, CALM, rng(3))[0]
    seen = view.coord - view.coord[0]
    mapped = (view.origin_coord - view.origin_coord[0]) @ view.linear.T
    np.testing.assert_allclose(seen, mapped, atol=1e-5)


def test_jitter_moves_points_by_at_most_its_clip(room):
    view = make_views(room, CONFIG.scene, CONFIG.view, rng(3))[0]
    low, high = view.origin_coord.min(0), view.origin_coord.max(0)
    assert np.isfinite(view.coord).all()
    calm = make_views(room, CONFIG.scene, CALM, rng(3))[0]
    assert abs(len(calm.coord) - len(view.coord)) < 0.1 * len(view.coord)
    assert (high - low).min() > 0.5


def test_augmentations_are_similarities():
    for seed in range(20):
        matrix = random_linear_map(ViewConfig(), rng(seed))
        gram = matrix @ matrix.T
        scale = np.sqrt(gram[0, 0])
        np.testing.assert_allclose(gram, scale**2 * np.eye(3), atol=1e-12)
        assert 0.9 <= scale <= 1.1


def test_no_two_voxels_of_a_view_share_a_place(room):
    for view in make_views(room, CONFIG.scene, CONFIG.view, rng(1)):
        assert len(np.unique(view.grid_coord, axis=0)) == len(view.grid_coord)
        assert view.grid_coord.min() == 0


def test_the_second_view_is_centred_inside_the_first(room):
    config = replace(CALM, crop_scale=(0.3, 0.3))
    for seed in range(10):
        first, second = make_views(room, CONFIG.scene, config, rng(seed))
        shared = np.intersect1d(first.point_index, second.point_index)
        assert len(shared) > 0


def test_a_seed_is_a_view(room):
    a, b = (make_views(room, CONFIG.scene, CONFIG.view, rng(5)) for _ in range(2))
    for left, right in zip(a, b, strict=True):
        np.testing.assert_array_equal(left.coord, right.coord)
        np.testing.assert_array_equal(left.feat, right.feat)
    other = make_views(room, CONFIG.scene, CONFIG.view, rng(6))
    assert not np.array_equal(a[0].coord, other[0].coord)


def test_missing_colours_and_normals_are_zero(room):
    bare = replace(room, color=None, normal=None)
    view = make_views(bare, CONFIG.scene, CONFIG.view, rng())[0]
    assert view.feat.shape[1] == 9
    assert np.all(view.feat[:, 3:] == 0)
    np.testing.assert_array_equal(view.feat[:, :3], view.coord)


def test_normals_turn_with_the_view_and_keep_unit_length(room):
    view = make_views(room, CONFIG.scene, CALM, rng(2))[0]
    normal = view.feat[:, 6:9]
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-5)
    turn = view.linear / np.linalg.norm(view.linear[0])
    np.testing.assert_allclose(normal, room.normal[view.point_index] @ turn.T, atol=1e-5)


def test_the_two_views_of_a_scene_share_one_colour_draw(room):
    first, second = make_views(room, CONFIG.scene, CONFIG.view, rng(11))
    by_point = dict(zip(first.point_index.tolist(), first.feat[:, 3:6], strict=True))
    common = [i for i in second.point_index.tolist() if i in by_point]
    mine = second.feat[np.isin(second.point_index, common), 3:6]
    order = second.point_index[np.isin(second.point_index, common)]
    np.testing.assert_allclose(mine, [by_point[i] for i in order.tolist()], atol=1e-6)


def test_no_colour_strength_leaves_colours_alone():
    color = rng().integers(0, 256, (50, 3)).astype(np.uint8)
    for seed in range(5):
        shifted = ColorShift.draw(0.0, rng(seed)).apply(color)
        np.testing.assert_allclose(shifted, color / 255, atol=1e-6)


def test_a_whole_view_is_the_scene_unturned(room):
    view = whole_view(room, CONFIG.scene, 100_000)
    np.testing.assert_array_equal(view.linear, np.eye(3))
    shift = view.coord - view.origin_coord
    np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-5)
    assert len(view.coord) > 2000


def test_a_whole_view_of_a_large_scan_keeps_the_middle(room):
    view = whole_view(room, CONFIG.scene, 500)
    assert len(view.coord) <= 500
    middle = np.median(room.coord, axis=0)
    kept = np.linalg.norm(view.origin_coord - middle, axis=1).max()
    assert kept < np.linalg.norm(room.coord - middle, axis=1).max()


@pytest.mark.parametrize("name", ["coord", "origin_coord", "feat", "grid_coord"])
def test_packing_keeps_every_view(room, name):
    views = [*make_views(room, CONFIG.scene, CONFIG.view, rng(0))]
    batch = collate(views)
    assert batch.points.batch_size == 2
    for number, view in enumerate(views):
        rows = getattr(batch.points, name)[batch.points.batch_index == number]
        np.testing.assert_array_equal(rows.numpy(), getattr(view, name))

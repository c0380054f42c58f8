"""Views remember their map; offsets turn with a view and do not shift."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pointins_engine.config import ViewConfig
from pointins_engine.recipes import get_recipe
from pointins_engine.views import collate, collate_step, missing_features, whole_view
from pointins_engine.views import make_views as make_masked_views
from pointins_engine.views.augment import ColorShift, elastic_displacement, random_linear_map

CONFIG = get_recipe("indoor_demo")
CALM = replace(CONFIG.view, jitter=0.0)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def make_views(scene, scene_config, config, draw):
    return make_masked_views(scene, scene_config, config, draw, mask_size=0.4, mask_ratio=0.5)


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


@pytest.mark.parametrize(
    ("name", "columns"), [("color", slice(3, 6)), ("normal", slice(6, 9)), ("intensity", [9])]
)
def test_a_view_that_loses_a_feature_is_a_view_of_a_scan_without_it(room, name, columns):
    feats = replace(CONFIG.scene, feats=("coord", "color", "normal", "intensity"))
    full = replace(room, intensity=np.linspace(0.1, 1, len(room.coord), dtype=np.float32))
    dropping = replace(CALM, num_local=2, **{f"drop_{name}": 1.0})
    lost = make_views(full, feats, dropping, rng(2))
    bare = make_views(replace(full, **{name: None}), feats, replace(CALM, num_local=2), rng(2))
    kept = make_views(full, feats, replace(CALM, num_local=2), rng(2))
    for mine, wanted, whole in zip(lost, bare, kept, strict=True):
        np.testing.assert_array_equal(mine.feat, wanted.feat)
        np.testing.assert_array_equal(mine.coord, whole.coord)
        np.testing.assert_array_equal(mine.shown.row, wanted.shown.row)
        assert (whole.feat[:, columns] != 0).any()
    batch = collate(lost)
    assert (batch.student_points.feat[:, columns] == 0).all()  # both networks see the same view
    assert (batch.points.feat[:, columns] == 0).all()


def test_a_scan_that_lacks_what_the_network_takes_is_named_with_the_flag(room):
    assert missing_features(room, CONFIG.scene) == ""
    note = missing_features(replace(room, color=None), CONFIG.scene)
    assert note.startswith("room has no colour: the network gets zeros")
    assert "--view.drop-color" in note and "intensity" not in note


def test_views_lose_features_one_by_one_and_as_often_as_asked(room):
    config = replace(CALM, drop_color=0.3, drop_normal=0.3)
    lost = np.array(
        [
            [(view.feat[:, part] == 0).all() for part in (slice(3, 6), slice(6, 9))]
            for seed in range(100)
            for view in make_views(room, replace(CONFIG.scene, grid_size=0.4), config, rng(seed))
        ]
    )
    np.testing.assert_allclose(lost.mean(axis=0), 0.3, atol=0.1)  # three deviations of 200 draws
    assert abs(lost.all(axis=1).mean() - 0.09) < 0.06
    first, second = lost[0::2, 0], lost[1::2, 0]
    assert (first != second).any() and (first & second).any()


def test_a_chance_of_zero_draws_nothing(room):
    without, with_a_chance = rng(1), rng(1)
    make_views(room, CONFIG.scene, CONFIG.view, without)
    make_views(room, CONFIG.scene, replace(CONFIG.view, drop_color=0.5), with_a_chance)
    without.random(2)  # the chance costs one draw a view, after all others
    assert without.random() == with_a_chance.random()


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


LOCAL = replace(CALM, num_local=6, crop_scale=(0.5, 0.5), local_scale=(0.1, 0.1))


def test_local_views_come_last_small_and_shown_whole(room):
    views = make_views(room, CONFIG.scene, LOCAL, rng(4))
    first, local = views[0], views[2:]
    assert len(views) == 8
    for view in local:
        assert 0.1 < len(view.coord) / len(first.coord) < 0.3  # a fifth, before voxels merge
        np.testing.assert_array_equal(view.shown.row, np.arange(len(view.coord)))
        assert not view.shown.is_masked.any()


def test_asking_for_local_views_changes_no_whole_view(room):
    without = make_views(room, CONFIG.scene, replace(LOCAL, num_local=0), rng(4))
    for mine, theirs in zip(make_views(room, CONFIG.scene, LOCAL, rng(4)), without, strict=False):
        np.testing.assert_array_equal(mine.coord, theirs.coord)
        np.testing.assert_array_equal(mine.shown.row, theirs.shown.row)


def test_local_views_spread_over_the_first_view(room):
    """Each is centred where none is yet, so together they show nearly all of it."""
    views = make_views(room, CONFIG.scene, LOCAL, rng(4))
    first = set(views[0].point_index.tolist())
    shown = {row for view in views[2:] for row in view.point_index.tolist()}
    assert len(first & shown) > 0.6 * len(first)
    many = make_views(room, CONFIG.scene, replace(LOCAL, num_local=40), rng(4))
    assert len(many) == 42  # all is covered long before: the cover begins again


def test_each_local_view_has_its_own_colour_draw(room):
    views = make_views(room, CONFIG.scene, replace(LOCAL, num_local=3, color_jitter=0.4), rng(11))
    colors = [dict(zip(v.point_index.tolist(), v.feat[:, 3:6], strict=True)) for v in views]
    for local in colors[2:]:
        common = [row for row in local if row in colors[0]]
        assert np.abs([local[row] - colors[0][row] for row in common]).max() > 0.01


def test_a_step_packs_whole_and_local_views_apart(room):
    scenes = [make_views(room, CONFIG.scene, LOCAL, rng(seed)) for seed in (1, 2)]
    step = collate_step(scenes)
    assert step.num_scenes == 2
    assert step.whole.points.batch_size == 4
    assert step.local.points.batch_size == 12
    seventh = step.local.points.batch_index == 6  # the first of the second scene
    np.testing.assert_array_equal(
        step.local.points.origin_coord[seventh], scenes[1][2].origin_coord
    )
    assert collate_step([views[:2] for views in scenes]).local is None


def test_elastic_distortion_is_off_unless_asked_for(room):
    assert (elastic_displacement(room.coord, CALM, rng()) == 0).all()
    assert CONFIG.view.elastic == ()


def test_elastic_distortion_moves_nodes_by_its_share_of_the_magnitude(room):
    """(19 / 81)^1.5 of the magnitude: white noise after two boxes of three along three axes.

    Sampled at the nodes themselves, where nothing is interpolated.
    """
    axis = 0.5 * np.arange(30)
    nodes = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3).astype(np.float32)
    config = replace(CALM, elastic=((0.5, 0.8),))
    found = elastic_displacement(nodes, config, rng(1))
    assert found.std() == pytest.approx(0.8 * (19 / 81) ** 1.5, rel=0.1)


def test_elastic_distortion_is_smooth(room):
    config = replace(CALM, elastic=((0.4, 0.2), (1.6, 0.8)))
    found = elastic_displacement(room.coord, config, rng(1))
    near = elastic_displacement(room.coord + np.float32(1e-3), config, rng(1))
    assert found.std() > 0.03
    np.testing.assert_allclose(found, near, atol=5e-3)
    views = make_views(room, CONFIG.scene, config, rng(1))
    straight = make_views(room, CONFIG.scene, CALM, rng(1))
    assert np.isfinite(views[0].coord).all()
    assert np.ptp(views[0].coord, axis=0) != pytest.approx(np.ptp(straight[0].coord, axis=0))

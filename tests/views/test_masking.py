"""Blocks are hidden whole, in the share that was asked for, and never everything."""

import numpy as np
import pytest
import torch

from pointins_engine.recipes import get_recipe
from pointins_engine.views import collate, make_views, visible_points

CONFIG = get_recipe("indoor_demo")


@pytest.fixture
def points(room):
    views = [*make_views(room, CONFIG.scene, CONFIG.view, np.random.default_rng(0))]
    return collate(views).points


def blocks(points, size: float) -> list[tuple[int, ...]]:
    rows = []
    for view in range(points.batch_size):
        coord = points.coord[points.batch_index == view]
        block = ((coord - coord.min(0).values) / size).floor().long()
        rows += [(view, *block_row) for block_row in block.tolist()]
    return rows


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.7])
def test_the_share_of_hidden_blocks_is_exact(points, ratio):
    visible = visible_points(points, 0.42, ratio, torch.Generator().manual_seed(1))
    shown: dict[tuple[int, ...], set[bool]] = {}
    for block, is_visible in zip(blocks(points, 0.42), visible.tolist(), strict=True):
        shown.setdefault(block, set()).add(is_visible)
    assert all(len(states) == 1 for states in shown.values()), "a block is hidden whole"
    hidden = sum(states == {False} for states in shown.values())
    assert hidden == int(ratio * len(shown))


def test_no_view_loses_everything(points):
    for seed in range(20):
        visible = visible_points(points, 5.0, 0.99, torch.Generator().manual_seed(seed))
        seen = torch.bincount(points.batch_index[visible], minlength=points.batch_size)
        assert (seen > 0).all()


def test_a_generator_is_a_mask(points):
    a, b, c = (
        visible_points(points, 0.42, 0.5, torch.Generator().manual_seed(seed)) for seed in (4, 4, 5)
    )
    assert torch.equal(a, b)
    assert not torch.equal(a, c)

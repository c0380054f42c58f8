"""Colours of features keep their meaning: over turns, frames, resumes and runs of one scene."""

import numpy as np
import pytest
import torch

from pointins_engine.watching.feature_colors import (
    NUM_COMPONENTS,
    component_colors,
    quantised,
    steady_components,
)
from pointins_engine.watching.frames import principal_components

CELLS, CHANNELS = 400, 24


def random_turn(size: int, seed: int) -> torch.Tensor:
    return torch.linalg.qr(torch.randn(size, size, generator=generator(seed))).Q


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def coord() -> np.ndarray:
    return np.random.default_rng(5).uniform(0, [5, 4, 2.5], (CELLS, 3)).astype(np.float32)


@pytest.fixture
def feat(coord) -> torch.Tensor:
    """Features that follow the place, each direction less than the one before."""
    wave = torch.from_numpy(np.sin(coord @ np.random.default_rng(1).normal(0, 1, (3, CHANNELS))))
    falling = 0.8 ** torch.arange(CHANNELS)
    return (wave + 0.3 * torch.randn(CELLS, CHANNELS, generator=generator(2))).float() * falling


def components(feat, reference, coord) -> np.ndarray:
    return steady_components(principal_components(feat)[0], reference, coord)


def as_written(parts: np.ndarray) -> np.ndarray:
    values, scale = quantised(parts)
    return scale * values.astype(np.float64)


def test_products_of_components_are_the_cosines_of_centred_features(feat):
    scores, share = principal_components(feat)
    centred = torch.nn.functional.normalize(feat - feat.mean(0), dim=1)
    cosine = (centred @ centred.T).numpy()
    assert scores.shape == (CELLS, NUM_COMPONENTS)
    assert (scores**2).sum() / CELLS == pytest.approx(share, abs=1e-4)
    assert np.abs(scores @ scores.T - cosine).mean() < 1 - share < 0.2
    values, scale = quantised(scores)
    np.testing.assert_allclose(scale * values, scores, atol=0.5001 * scale)


def test_all_is_held_where_channels_are_no_more_than_components(feat):
    scores, share = principal_components(feat[:, :7])
    assert share == 1.0
    assert scores.shape == (CELLS, NUM_COMPONENTS)
    assert not scores[:, 7:].any()


@pytest.mark.parametrize("has_reference", [False, True])
def test_turning_the_feature_space_changes_no_colour(feat, coord, has_reference):
    reference = components(feat.flip(1) ** 2, None, coord) if has_reference else None
    first = components(feat, reference, coord)
    turned = components(3.0 * feat @ random_turn(CHANNELS, 3), reference, coord)
    np.testing.assert_allclose(turned, first, atol=1e-4)
    difference = component_colors(turned).astype(int) - component_colors(first)
    assert np.abs(difference).max() <= 1  # rounding
    assert component_colors(first).std(axis=0).min() > 20


def test_a_turn_among_components_of_equal_variance_is_undone(feat, coord):
    scores = principal_components(feat)[0]
    turn = torch.block_diag(random_turn(3, 6), random_turn(NUM_COMPONENTS - 3, 7)).numpy()
    reference = steady_components(scores, None, coord)
    np.testing.assert_allclose(
        steady_components(scores @ turn, reference, coord), reference, atol=1e-6
    )


def test_the_first_frame_of_two_runs_of_a_scene_has_the_same_colours(feat, coord):
    """Two encoders whose features differ by a turn and by noise."""
    noise = 0.05 * feat.std() * torch.randn(CELLS, CHANNELS, generator=generator(8))
    mine = component_colors(components(feat, None, coord)).astype(int)
    other = component_colors(components((feat + noise) @ random_turn(CHANNELS, 9), None, coord))
    assert np.abs(mine - other).mean() < 12
    height = np.corrcoef(mine[:, 0], coord[:, 2])[0, 1]
    assert height > 0, "red grows with height"


def test_a_frame_has_the_same_colours_whether_its_reference_was_kept_or_read_back(feat, coord):
    reference = as_written(components(feat, None, coord))
    again = as_written(reference)
    later = feat + 0.2 * torch.randn(CELLS, CHANNELS, generator=generator(4))
    np.testing.assert_array_equal(
        component_colors(components(later, reference, coord)),
        component_colors(components(later, again, coord)),
    )

"""Mean shift climbs as scikit-learn's does."""

import numpy as np
import pytest
from sklearn.cluster import MeanShift
from sklearn.metrics import adjusted_rand_score

from pointins_engine.baselines.mean_shift import mean_shift


@pytest.mark.parametrize("bandwidth", [0.5, 1.0, 2.0])
def test_hills_are_those_of_scikit_learn(bandwidth):
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(c, 0.3, (80, 3)) for c in rng.uniform(-3, 3, (6, 3))])
    theirs = MeanShift(bandwidth=bandwidth, bin_seeding=True).fit(points).labels_
    assert adjusted_rand_score(mean_shift(points, bandwidth), theirs) == 1.0


def test_one_point_is_one_hill():
    assert mean_shift(np.zeros((1, 3)), 0.5).tolist() == [0]

"""Distances between priors agree with SciPy and with integrals done by hand."""

import itertools

import numpy as np
import pytest
from scipy import integrate, stats

from pointins_engine.offset_prior.distance import kolmogorov_smirnov, wasserstein_m
from pointins_engine.offset_prior.fit import table_of
from pointins_engine.offset_prior.record import PriorRecord, Provenance, builtin_priors

BUILT_IN = builtin_priors()
SCIPY = {
    "paper-indoor": stats.gamma(0.24, scale=2.53),
    "paper-outdoor": stats.lognorm(0.76),
    "half-normal": stats.halfnorm(),
    "exponential": stats.expon(),
}
PAIRS = list(itertools.combinations(SCIPY, 2))
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95, 0.99])


def table(*quantiles):
    return PriorRecord(
        name="table",
        kind="empirical",
        quantiles=quantiles,
        provenance=Provenance(method="configured", source="", labels_used=False),
    )


@pytest.mark.parametrize(
    ("name", "mean", "quantiles"),
    [
        ("paper-outdoor", 1.335, [0.287, 0.599, 1.000, 1.670, 3.491, 5.859]),
        ("paper-indoor", 0.607, [6.4e-6, 0.0053, 0.097, 0.618, 2.975, 6.047]),
    ],
)
def test_the_papers_priors_have_these_quantiles(name, mean, quantiles):
    assert BUILT_IN[name].mean() == pytest.approx(mean, abs=5e-4)
    np.testing.assert_allclose(BUILT_IN[name].quantile(LEVELS), quantiles, rtol=0.01)


@pytest.mark.parametrize("name", SCIPY)
def test_quantiles_shares_and_means_are_those_of_scipy(name):
    record, reference = BUILT_IN[name], SCIPY[name]
    level = np.linspace(1e-6, 1 - 1e-6, 999)
    np.testing.assert_allclose(record.quantile(level), reference.ppf(level), rtol=1e-9)
    length = np.linspace(0, 9, 999)
    np.testing.assert_allclose(record.cdf(length), reference.cdf(length), atol=1e-12)
    assert record.mean() == pytest.approx(reference.mean())
    edges = np.array([0.0, 0.01, 0.5, 3.0])
    np.testing.assert_allclose(record.mass(edges), np.diff(reference.cdf(edges)))


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_w1_of_families_is_the_area_between_their_distribution_functions(first, second):
    def gap(length):
        return abs(SCIPY[first].cdf(length) - SCIPY[second].cdf(length))

    parts = [0, 1e-3, 1e-2, 0.1, 0.5, 1, 2, 5, 20, 200]
    area = sum(
        integrate.quad(gap, low, high, limit=200)[0] for low, high in itertools.pairwise(parts)
    )
    found = wasserstein_m(BUILT_IN[first], BUILT_IN[second])
    assert found == pytest.approx(area, rel=1e-4)  # the grid's 6,001 levels give five digits
    assert wasserstein_m(BUILT_IN[second], BUILT_IN[first]) == found


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_ks_of_families_is_the_largest_gap_on_a_fine_grid(first, second):
    length = np.geomspace(1e-9, 100, 200_001)
    gap = np.abs(SCIPY[first].cdf(length) - SCIPY[second].cdf(length)).max()
    assert kolmogorov_smirnov(BUILT_IN[first], BUILT_IN[second]) == pytest.approx(gap, abs=2e-5)


def test_distances_to_samples_are_those_of_scipy():
    """Tables hold 257 quantiles of 20,000 lengths, so they differ from these by 1/512 at most."""
    rng = np.random.default_rng(0)
    one = SCIPY["paper-outdoor"].rvs(20_000, random_state=rng)
    two = SCIPY["exponential"].rvs(20_000, random_state=rng)
    found = wasserstein_m(table_of(one), table_of(two))
    assert found == pytest.approx(stats.wasserstein_distance(one, two), abs=0.01)
    ks = kolmogorov_smirnov(table_of(one), table_of(two))
    assert ks == pytest.approx(stats.ks_2samp(one, two).statistic, abs=1 / 256)
    ks = kolmogorov_smirnov(table_of(one), BUILT_IN["exponential"])
    assert ks == pytest.approx(stats.kstest(one, "expon").statistic, abs=1 / 256)


def test_distances_of_tables_are_exact():
    # Quantiles 2u and 1 - u/2 ... 1 + u/2 cross at two thirds.
    straight, steep = table(0.0, 2.0), table(0.5, 1.5)
    assert wasserstein_m(straight, steep) == pytest.approx(0.25, abs=1e-12)
    assert kolmogorov_smirnov(straight, steep) == pytest.approx(0.25, abs=1e-12)
    # Tables of different size: an entry in the middle of a straight stretch changes nothing.
    assert wasserstein_m(table(0.0, 1.0, 2.0), straight) == pytest.approx(0.0, abs=1e-12)


def test_a_table_that_jumps_is_compared_on_both_sides_of_the_jump():
    # All lengths are 0.3: against uniform lengths on 0..1 the share jumps from 0 to 1 where the
    # other has 0.3.
    jump, uniform = table(0.3, 0.3), table(0.0, 1.0)
    assert kolmogorov_smirnov(jump, uniform) == pytest.approx(0.7)
    assert kolmogorov_smirnov(uniform, table(0.8, 0.8)) == pytest.approx(0.8)
    assert jump.cdf(np.array([0.3]))[0] == 1.0
    assert jump.cdf_below(np.array([0.3]))[0] == 0.0
    assert wasserstein_m(jump, uniform) == pytest.approx(0.3**2 / 2 + 0.7**2 / 2)


def test_a_prior_is_at_distance_zero_from_itself():
    for record in (*BUILT_IN.values(), table(0.0, 0.1, 0.1, 0.4)):
        assert wasserstein_m(record, record) == 0.0
        assert kolmogorov_smirnov(record, record) == 0.0

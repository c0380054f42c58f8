"""Fits find the family that lengths were drawn from; the table keeps what was measured."""

import numpy as np
import pytest
from scipy import stats

from pointins_engine.errors import ConfigError
from pointins_engine.offset_prior.fit import direction_tables, family_fits, measured_prior, table_of
from pointins_engine.offset_prior.record import builtin_priors

N = 40_000  # drawn lengths; 3 % is then more than four standard errors of every parameter


def drawn(name):
    level = np.random.default_rng(1).uniform(size=N)
    return builtin_priors()[name].quantile(level)


@pytest.mark.parametrize(
    ("name", "kind"), [("paper-indoor", "gamma"), ("paper-outdoor", "lognormal")]
)
def test_lengths_drawn_from_a_prior_give_it_back_within_three_percent(name, kind):
    length = drawn(name)
    best = family_fits(length)[0]
    assert best.kind == kind
    for parameter, wanted in builtin_priors()[name].parameters.items():
        close = {"rel": 0.03} if wanted else {"abs": 0.03}
        assert best.parameters[parameter] == pytest.approx(wanted, **close)
    assert best.ks < 0.01


@pytest.mark.parametrize("shape", [0.5, 2.0, 30.0])
def test_the_gamma_of_greatest_likelihood_is_scipys(shape):
    length = stats.gamma(shape, scale=0.3).rvs(3000, random_state=np.random.default_rng(2))
    fit = next(fit for fit in family_fits(length) if fit.kind == "gamma")
    a, _, scale = stats.gamma.fit(length, floc=0)
    assert fit.parameters["shape"] == pytest.approx(a, rel=1e-4)
    assert fit.parameters["scale"] == pytest.approx(scale, rel=1e-4)
    mu, sigma = np.log(length).mean(), np.log(length).std()
    other = next(fit for fit in family_fits(length) if fit.kind == "lognormal")
    assert (other.parameters["mu"], other.parameters["sigma"]) == pytest.approx((mu, sigma), 1e-4)


def test_the_family_of_the_smaller_ks_comes_first():
    for fits in (family_fits(drawn("paper-outdoor")), family_fits(drawn("exponential"))):
        assert fits[0].ks < fits[1].ks


def measured(offset, **more):
    return measured_prior(
        offset, name="m", method="labels", source="drawn", labels_used=True, **more
    )


def offsets():
    rng = np.random.default_rng(3)
    return rng.normal(size=(4000, 3)) * [0.2, 0.2, 0.5] + [0, 0, 0.1]


def test_a_table_holds_the_quantiles_that_were_measured():
    offset = offsets()
    length = np.linalg.norm(offset, axis=1)
    record = measured(offset)
    assert record.kind == "empirical"
    level = np.linspace(0, 1, 257)
    wanted = np.quantile(length, level)
    np.testing.assert_allclose(record.quantiles[:-1], wanted[:-1], rtol=1e-5)
    assert wanted[-2] <= record.quantiles[-1]
    assert record.mean() == pytest.approx(length.mean(), rel=1e-3)
    assert record.provenance.num_lengths == 4000


def test_the_kept_family_is_the_one_asked_for():
    offset = offsets()
    assert measured(offset, family="gamma").kind == "gamma"
    assert measured(offset, family="lognormal").kind == "lognormal"
    best = measured(offset, family="auto")
    assert best.kind == best.provenance.fits[0].kind
    assert best.parameters == best.provenance.fits[0].parameters
    assert best.direction == measured(offset).direction


def test_axes_of_uniform_directions_are_uniform():
    """An axis of a direction uniform on the sphere is uniform on (-1, 1) (Archimedes)."""
    offset = np.random.default_rng(4).normal(size=(40_000, 3))
    for axis in direction_tables(offset):
        # 40,000 draws miss a uniform distribution by 1.63 / 200 in one case of a hundred.
        np.testing.assert_allclose(axis, np.linspace(-1, 1, 257), atol=0.02)


def test_offsets_without_length_have_no_direction():
    offset = np.array([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.4], [0.001, 0.0, 0.0]])
    x, _, z = direction_tables(offset)
    assert (x[0], x[-1], z[0], z[-1]) == (0.0, 1.0, 0.0, 1.0)
    assert direction_tables(offset[:1]) == ()


@pytest.mark.parametrize(
    "bad", [np.zeros((1, 3)), np.array([[1.0, 0, 0], [np.nan, 0, 0], [0, 0, 1.0]])]
)
def test_too_few_or_broken_offsets_are_refused(bad):
    with pytest.raises(ConfigError, match="two or more finite offsets"):
        measured(bad)


def test_equal_lengths_have_a_table_and_no_family():
    record = measured(np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]))
    assert record.provenance.fits == ()
    assert record.quantiles[0] == record.quantiles[-1] == 1.0
    with pytest.raises(ConfigError, match="two or more lengths"):
        table_of(np.array([1.0]))

"""Priors agree with SciPy, with published figures and with the records they are made from."""

import numpy as np
import pytest
import torch
from scipy import stats

from pointins_engine.config import PriorConfig
from pointins_engine.errors import ConfigError
from pointins_engine.objectives.priors import (
    Empirical,
    Exponential,
    Gamma,
    HalfNormal,
    LogNormal,
    prior_of,
)
from pointins_engine.offset_prior.record import PriorRecord, Provenance, builtin_priors, record_of

INDOOR, OUTDOOR = Gamma(0.24, 2.53), LogNormal(0.0, 0.76)
MEASURED = Empirical((0.0, 0.1, 0.1, 0.4, 1.0))
REFERENCE = {
    INDOOR: stats.gamma(0.24, scale=2.53),
    OUTDOOR: stats.lognorm(0.76),
    HalfNormal(1.3): stats.halfnorm(scale=1.3),
    Exponential(0.7): stats.expon(scale=0.7),
}
NAMES = ["gamma", "lognormal", "half normal", "exponential"]
LEVELS = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95, 0.99], dtype=torch.float64)


@pytest.mark.parametrize(
    ("prior", "mean", "quantiles"),
    [
        (OUTDOOR, 1.335, [0.287, 0.599, 1.000, 1.670, 3.491, 5.859]),
        (INDOOR, 0.607, [6.4e-6, 0.0053, 0.097, 0.618, 2.975, 6.047]),
    ],
)
def test_the_papers_priors_have_these_quantiles(prior, mean, quantiles):
    assert prior.mean() == pytest.approx(mean, abs=5e-4)
    np.testing.assert_allclose(prior.quantile(LEVELS).numpy(), quantiles, rtol=0.02)


def test_half_of_the_indoor_prior_lies_within_ten_centimetres():
    edges = torch.tensor([0, 0.01, 0.05, 0.10, 20.0], dtype=torch.float64)
    np.testing.assert_allclose(INDOOR.mass(edges).cumsum(0)[:3], [0.29, 0.43, 0.50], atol=0.006)


@pytest.mark.parametrize("prior", REFERENCE, ids=NAMES)
def test_quantiles_and_distribution_agree_with_scipy(prior):
    level = np.concatenate([np.geomspace(2.5e-6, 0.1, 50), np.linspace(0.1, 1 - 2.5e-6, 200)])
    reference = REFERENCE[prior]
    found = prior.quantile(torch.from_numpy(level)).numpy()
    np.testing.assert_allclose(found, reference.ppf(level), rtol=1e-9)
    length = np.linspace(0, 10, 300)
    found = prior.cdf(torch.from_numpy(length)).numpy()
    np.testing.assert_allclose(found, reference.cdf(length), atol=1e-9)


@pytest.mark.parametrize("prior", [*REFERENCE, MEASURED], ids=[*NAMES, "table"])
def test_every_prior_is_consistent_with_itself(prior):
    level = torch.linspace(0.26, 0.99, 50, dtype=torch.float64)
    length = prior.quantile(level)
    assert (length.diff() >= 0).all()
    inside = (length - 0.1).abs() > 1e-9  # the table jumps at 0.1
    torch.testing.assert_close(prior.cdf(length)[inside], level[inside])
    mass = prior.mass(torch.linspace(0, 2, 21, dtype=torch.float64))
    assert mass.sum().item() == pytest.approx(1)
    assert (mass >= 0).all()
    # The midpoint rule on 200,000 levels integrates the quantile function to the mean.
    assert prior.midpoint_quantiles(200_000).mean().item() == pytest.approx(prior.mean(), rel=1e-3)


@pytest.mark.parametrize("prior", REFERENCE, ids=NAMES)
def test_the_lengths_handed_out_are_quantiles_to_float32_accuracy(prior):
    level = (np.arange(9000) + 0.5) / 9000
    found = prior.midpoint_quantiles(9000).numpy()
    np.testing.assert_allclose(found, REFERENCE[prior].ppf(level), rtol=2e-7)


@pytest.mark.parametrize(
    ("prior", "refit"),
    [
        (INDOOR, lambda x: Gamma(*stats.gamma.fit(x, floc=0)[::2])),
        (OUTDOOR, lambda x: LogNormal(np.log(x).mean(), np.log(x).std())),
    ],
    ids=["gamma", "lognormal"],
)
def test_a_prior_fitted_to_its_own_samples_is_that_prior_again(prior, refit):
    """20,000 lengths drawn through the quantile function; 3 % is four standard errors."""
    level = torch.rand(20_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    again = refit(prior.quantile(level).numpy())
    for name in ("shape", "scale", "mu", "sigma"):
        if hasattr(prior, name):
            assert getattr(again, name) == pytest.approx(getattr(prior, name), rel=0.03, abs=0.02)


def test_the_last_bin_takes_all_that_is_longer():
    edges = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    assert OUTDOOR.mass(edges)[1].item() == pytest.approx(1 - OUTDOOR.cdf(edges)[1].item())


def test_a_table_interpolates_between_its_levels():
    level = torch.tensor([0.0, 0.125, 0.25, 0.375, 0.625, 1.0])
    expected = torch.tensor([0.0, 0.05, 0.1, 0.1, 0.25, 1.0])
    torch.testing.assert_close(MEASURED.quantile(level), expected)
    # A flat stretch is a jump: half of the points lie at 0.1 or below.
    length = torch.tensor([-1.0, 0.05, 0.1, 0.25, 1.0, 3.0], dtype=torch.float64)
    share = torch.tensor([0.0, 0.125, 0.5, 0.625, 1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(MEASURED.cdf(length), share)


@pytest.mark.parametrize("table", [(1.0,), (0.2, 0.1), (-0.1, 0.2), (0.0, float("nan"))])
def test_a_table_that_does_not_rise_is_refused(table):
    with pytest.raises(ValueError, match="rising finite lengths"):
        Empirical(table)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (PriorConfig(kind="gamma"), INDOOR),
        (PriorConfig(kind="lognormal"), OUTDOOR),
        (PriorConfig(kind="half_normal", scale=0.5), HalfNormal(0.5)),
        (PriorConfig(kind="exponential", scale=0.5), Exponential(0.5)),
        (PriorConfig(kind="empirical", quantiles=(0.0, 1.0)), Empirical((0.0, 1.0))),
    ],
)
def test_a_configuration_makes_its_prior(config, expected):
    assert prior_of(record_of(config)) == expected


DIRECTED = PriorRecord(
    name="measured",
    kind="empirical",
    quantiles=(0.0, 0.1, 0.1, 0.4, 1.0),
    direction=((-1.0, 1.0), (-0.5, 0.0, 0.5), (-1.0, -0.8, 0.0)),
    provenance=Provenance(method="labels", source="three offsets", labels_used=True),
)


@pytest.mark.parametrize("record", [*builtin_priors().values(), DIRECTED], ids=lambda r: r.name)
def test_torch_and_record_say_the_same(record):
    level = np.linspace(0.001, 0.999, 500)
    length = np.linspace(0, 5, 500)
    prior = prior_of(record)
    found = prior.quantile(torch.from_numpy(level)).numpy()
    np.testing.assert_allclose(found, record.quantile(level), rtol=1e-9, atol=1e-12)
    found = prior.cdf(torch.from_numpy(length)).numpy()
    np.testing.assert_allclose(found, record.cdf(length), atol=1e-9)
    assert prior.mean() == pytest.approx(record.mean())


def test_directions_are_uniform_unless_measured_ones_are_asked_for():
    level = torch.tensor([[0.0, 0.25, 0.5], [0.5, 0.5, 0.75]], dtype=torch.float64)
    torch.testing.assert_close(prior_of(DIRECTED).direction_quantile(level), 2 * level - 1)
    directed = prior_of(DIRECTED, with_directions=True)
    expected = torch.tensor([[-1.0, -0.25, -0.8], [0.0, 0.0, -0.4]], dtype=torch.float64)
    torch.testing.assert_close(directed.direction_quantile(level), expected)


def test_a_prior_with_directions_has_the_lengths_of_the_one_without():
    plain, directed = prior_of(DIRECTED), prior_of(DIRECTED, with_directions=True)
    assert directed.mean() == plain.mean()
    torch.testing.assert_close(directed.midpoint_quantiles(50), plain.midpoint_quantiles(50))
    length = torch.linspace(0, 2, 21)
    torch.testing.assert_close(directed.cdf(length), plain.cdf(length))


def test_a_prior_without_directions_says_where_they_come_from():
    with pytest.raises(ConfigError, match=r"'paper-indoor'.*pointins prior fit"):
        prior_of(builtin_priors()["paper-indoor"], with_directions=True)

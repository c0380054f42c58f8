"""ODR changes the distribution of offsets and nothing else."""

import json

import pytest
import torch
from scipy import stats

from pointins_engine.config import OdrConfig
from pointins_engine.errors import ConfigError
from pointins_engine.objectives.odr import regularize_offsets
from pointins_engine.objectives.odr_statistics import (
    SPHERE_BANDS,
    SPHERE_COLUMNS,
    kolmogorov_smirnov,
    odr_statistics,
    sphere_mass,
    wasserstein,
)
from pointins_engine.objectives.priors import Directed, Gamma, LogNormal
from tests.ranks import on_ranks

PRIOR = LogNormal(0.0, 0.76)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def regularize(*args, **kwargs):
    return regularize_with_levels(*args, **kwargs).offset


def regularize_with_levels(
    offset, batch_index=None, batch_size=1, prior=PRIOR, skip=None, seed=7, **config
):
    if batch_index is None:
        batch_index = torch.zeros(len(offset), dtype=torch.int64)
    more = {name: config.pop(name) for name in ("max_length", "world") if name in config}
    generators = [generator(seed + cloud) for cloud in range(batch_size)]
    if config.get("scope") == "batch":
        generators = generators[:1]
    return regularize_offsets(
        offset, batch_index, batch_size, prior, OdrConfig(**config), generators, skip, **more
    )


@pytest.fixture
def offset():
    """Small offsets with a preferred direction, as an untrained head gives them."""
    return torch.randn(2000, 3, generator=generator()) * 0.05 + torch.tensor([0.08, 0.0, -0.02])


@pytest.mark.parametrize("prior", [PRIOR, Gamma(0.24, 2.53)], ids=["lognormal", "gamma"])
def test_sorted_lengths_are_the_priors_quantiles(offset, prior):
    length = regularize(offset, prior=prior).norm(dim=1).sort()[0]
    torch.testing.assert_close(length, prior.midpoint_quantiles(2000), rtol=1e-5, atol=1e-6)


def test_longer_stays_longer(offset):
    before = offset.norm(dim=1).argsort()
    assert (regularize(offset).norm(dim=1)[before].diff() > 0).all()


def test_each_axis_of_the_direction_keeps_its_order_and_becomes_uniform(offset):
    length = PRIOR.midpoint_quantiles(2000)[offset.norm(dim=1).argsort().argsort()]
    direction = regularize(offset, renormalize=False) / length[:, None]
    before = offset / offset.norm(dim=1, keepdim=True)
    for axis in range(3):
        assert torch.equal(direction[:, axis].argsort(), before[:, axis].argsort())
        distance = stats.kstest(direction[:, axis].numpy(), stats.uniform(-1, 2).cdf).statistic
        assert distance < 1 / 2000  # half a step is the least that 2000 values can do


def test_renormalised_directions_point_both_ways_on_every_axis(offset):
    direction = torch.nn.functional.normalize(regularize(offset), dim=1)
    share = (direction > 0).float().mean(0)
    assert ((share - 0.5).abs() < 0.01).all()  # (0, 1) for (-1, 1) would give 1.0


def test_applied_twice_lengths_stay_as_they_are(offset):
    once = regularize(offset)
    twice = regularize(once)
    torch.testing.assert_close(twice.norm(dim=1), once.norm(dim=1), rtol=1e-5, atol=1e-6)
    assert torch.cosine_similarity(once, twice).mean() > 0.98


def test_clouds_are_ranked_apart(offset):
    # Average ranks need no generator, so a cloud alone and in a batch must agree to the last bit.
    batch_index = torch.tensor([0] * 700 + [2] * 1300)
    both = regularize(offset, batch_index, 3, ties="average")
    assert torch.equal(both[:700], regularize(offset[:700], ties="average"))
    assert torch.equal(both[700:], regularize(offset[700:], ties="average"))


def test_a_cloud_draws_from_its_own_generator(offset):
    """So a batch that is split over ranks or parts is regularised as it would be whole."""
    offset = offset.round(decimals=1)  # many ties
    batch_index = torch.tensor([0] * 700 + [1] * 1300)
    both = regularize(offset, batch_index, 2)
    assert torch.equal(both[:700], regularize(offset[:700], seed=7))
    assert torch.equal(both[700:], regularize(offset[700:], seed=8))


def test_batch_scope_ranks_all_clouds_together(offset):
    batch_index = torch.tensor([0] * 700 + [2] * 1300)
    together = regularize(offset, batch_index, 3, scope="batch", ties="average")
    assert torch.equal(together, regularize(offset, ties="average"))
    assert not torch.equal(together, regularize(offset, batch_index, 3, ties="average"))


@pytest.mark.parametrize("ties", ["random", "average"])
def test_batch_scope_ranks_the_offsets_of_all_ranks_together(offset, ties):
    """With ties: the ranks draw the same numbers for them."""
    offset = offset.round(decimals=1)
    sizes = [0, 700, 1300]

    def part(world):
        mine = offset.split(sizes)[world.rank]
        return regularize(mine, ties=ties, scope="batch", world=world)

    whole = regularize(offset, ties=ties, scope="batch")
    assert torch.equal(torch.cat(on_ranks(3, part)), whole)


MEASURED = Directed(PRIOR, ((-1.0, 0.0, 1.0), (-0.3, 0.1, 0.5), (-1.0, -0.9, -0.8, 0.0)))


@pytest.mark.parametrize("ties", ["random", "average"])
def test_measured_directions_are_what_each_axis_becomes(offset, ties):
    how = {"direction_prior": "empirical", "ties": ties, "renormalize": False}
    found = regularize(offset, prior=MEASURED, **how)
    direction = found / regularize(offset, prior=PRIOR).norm(dim=1, keepdim=True)
    level = (torch.arange(len(offset)) + 0.5) / len(offset)
    wanted = MEASURED.direction_quantile(level[:, None].expand(-1, 3))
    # Some components are equal in float32; average ranks leave them half a rank off.
    torch.testing.assert_close(direction.sort(dim=0)[0], wanted, rtol=0, atol=1e-3)
    own = offset / offset.norm(dim=1, keepdim=True)
    assert (direction.argsort(dim=0) == own.argsort(dim=0)).float().mean() > 0.99


def test_measured_directions_change_no_length(offset):
    found = regularize(offset, prior=MEASURED, direction_prior="empirical")
    torch.testing.assert_close(
        found.norm(dim=1), regularize(offset).norm(dim=1), rtol=1e-5, atol=1e-6
    )


def test_a_prior_with_directions_changes_nothing_unless_they_are_asked_for(offset):
    assert torch.equal(regularize(offset, prior=MEASURED), regularize(offset, prior=PRIOR))


@pytest.mark.parametrize("other", [{"direction": "positive"}, {"side": "student"}])
def test_measured_directions_go_with_signed_axes_and_the_teacher(other):
    with pytest.raises(ConfigError, match=r"where odr.direction_prior is 'empirical'"):
        OdrConfig(direction_prior="empirical", **other)


@pytest.mark.parametrize("renormalize", [True, False])
def test_the_literal_prior_of_directions_fills_one_octant(offset, renormalize):
    literal = regularize(offset, direction="positive", renormalize=renormalize)
    assert (literal > 0).all()


def test_a_longest_length_cuts_the_tail_and_nothing_else(offset):
    batch_index = torch.tensor([0] * 1000 + [1] * 1000)
    free = regularize(offset, batch_index, 2)
    clipped = regularize(offset, batch_index, 2, max_length=torch.tensor([0.5, 2.0]))
    bound = torch.tensor([0.5, 2.0])[batch_index]
    length = free.norm(dim=1)
    torch.testing.assert_close(clipped.norm(dim=1), length.minimum(bound))
    torch.testing.assert_close(clipped[length < bound], free[length < bound])
    assert (torch.cosine_similarity(free, clipped) > 0.9999).all()


def test_skipped_rows_come_back_and_are_not_counted(offset):
    skip = torch.arange(2000) % 4 == 0
    result = regularize(offset, skip=skip, ties="average")
    assert torch.equal(result[skip], offset[skip])
    assert torch.equal(result[~skip], regularize(offset[~skip], ties="average"))


def test_without_ties_random_and_average_ranks_agree(offset):
    torch.testing.assert_close(
        regularize(offset[:200]), regularize(offset[:200], ties="average"), rtol=1e-5, atol=1e-6
    )


def test_total_collapse_is_spread_without_structure():
    spread = regularize(torch.full((3000, 3), 0.01))
    torch.testing.assert_close(
        spread.norm(dim=1).sort()[0], PRIOR.midpoint_quantiles(3000), rtol=1e-5, atol=1e-6
    )
    # Neither storage order nor one shared permutation may show: 0.07 is four standard errors.
    length = spread.norm(dim=1)
    values = torch.stack([torch.arange(3000.0), length, *(spread / length[:, None]).T])
    off_diagonal = torch.corrcoef(values) - torch.eye(5)
    assert off_diagonal.abs().max() < 0.07


def test_zero_offsets_get_lengths_and_directions():
    spread = regularize(torch.zeros(500, 3))
    assert (spread.norm(dim=1) > 0).all()


def test_average_ranks_keep_ties_together():
    same = regularize(torch.tensor([[0.1, 0, 0]] * 3 + [[0.0, 0.5, 0.2]]), ties="average")
    assert torch.equal(same[0], same[1]) and torch.equal(same[0], same[2])
    middle = PRIOR.quantile(torch.tensor([1.5 / 4]))  # ranks 0, 1, 2 average to 1
    torch.testing.assert_close(same[0].norm()[None], middle)


def test_a_seed_reproduces_the_tie_break():
    tied = torch.ones(100, 3)
    assert torch.equal(regularize(tied, seed=1), regularize(tied, seed=1))
    assert not torch.equal(regularize(tied, seed=1), regularize(tied, seed=2))


@pytest.mark.parametrize("ties", ["random", "average"])
@pytest.mark.parametrize("prior", [PRIOR, Gamma(0.24, 2.53)], ids=["lognormal", "gamma"])
def test_the_priors_quantile_at_its_level_is_the_length_that_odr_gave(offset, prior, ties):
    batch_index = torch.tensor([0] * 700 + [1] * 1300)
    result = regularize_with_levels(offset, batch_index, 2, prior=prior, ties=ties)
    wanted = prior.quantile(result.level.double()).float()
    torch.testing.assert_close(result.offset.norm(dim=1), wanted, rtol=1e-4, atol=1e-6)
    for part in result.level.split([700, 1300]):
        ranks = torch.arange(len(part))
        shared = 0.501 / len(part) if ties == "average" else 1e-6  # two offsets are equally long
        torch.testing.assert_close(part.sort()[0], (ranks + 0.5) / len(part), rtol=0, atol=shared)


def test_a_row_that_is_skipped_has_no_level(offset):
    skip = torch.arange(len(offset)) % 3 == 0
    result = regularize_with_levels(offset, skip=skip)
    assert torch.equal(result.level.isnan(), skip)
    assert torch.equal(result.offset[skip], offset[skip])


def test_a_length_that_is_cut_keeps_its_level(offset):
    cut = regularize_with_levels(offset, max_length=torch.tensor([0.5]), clip=True)
    assert cut.offset.norm(dim=1).max() < 0.5001
    assert torch.equal(cut.level, regularize_with_levels(offset).level)


def test_one_offset_alone_keeps_its_direction():
    result = regularize(torch.tensor([[0.0, 0.3, 0.4]]))  # all ranks are the middle: no direction
    torch.testing.assert_close(result, torch.tensor([[0.0, 0.6, 0.8]]))  # the median is 1 m


def test_bfloat16_offsets_under_autocast_come_back_as_float32(offset):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = regularize(offset.bfloat16())
    assert result.dtype == torch.float32
    torch.testing.assert_close(
        result.norm(dim=1).sort()[0], PRIOR.midpoint_quantiles(2000), rtol=1e-5, atol=1e-6
    )


def test_offsets_that_are_not_finite_are_refused(offset):
    offset[3, 1] = torch.nan
    offset[5] = torch.inf
    with pytest.raises(ValueError, match="2 of 2000 teacher offsets are not finite"):
        regularize(offset)


def test_statistics_say_how_far_the_offsets_were_and_that_they_arrived(offset):
    after = regularize(offset)
    numbers = odr_statistics(offset, after, PRIOR, num_bins=30, max_m=3.0)
    length = offset.norm(dim=1)
    assert numbers.ks_before == pytest.approx(
        stats.kstest(length.numpy(), stats.lognorm(0.76).cdf).statistic, abs=1e-6
    )
    wanted = PRIOR.midpoint_quantiles(2000)
    assert numbers.w1_before_m == pytest.approx((length.sort()[0] - wanted).abs().mean().item())
    assert numbers.w1_after_m == pytest.approx(0, abs=1e-6)
    assert numbers.ks_after == pytest.approx(0.5 / 2000, abs=1e-5)
    assert numbers.zero_share == pytest.approx((length < 0.02).float().mean().item())
    assert numbers.mean_before_m == pytest.approx(length.mean().item(), rel=1e-5)
    for mass in (numbers.mass_before, numbers.mass_after, numbers.mass_prior):
        assert sum(mass) == pytest.approx(1)
    assert numbers.mass_after[-1] > numbers.mass_after[-2]  # the last bin holds the tail above 3 m
    for axis in numbers.direction_before + numbers.direction_after:
        assert sum(axis) == pytest.approx(1)
    assert len(numbers.levels) == len(numbers.quantiles_prior_m) == 101
    assert numbers.quantiles_after_m[50] == pytest.approx(1.0, abs=0.01)
    assert json.loads(json.dumps(numbers.to_dict(), allow_nan=False)) == numbers.to_dict()


def test_statistics_of_the_student_are_those_of_its_lengths(offset):
    student = 0.5 * offset
    numbers = odr_statistics(offset, regularize(offset), PRIOR, student=student)
    alone = odr_statistics(student, regularize(student), PRIOR)
    record = numbers.to_dict()
    assert record["student"] == alone.to_dict()["before"]
    assert record["quantiles"]["student"] == alone.to_dict()["quantiles"]["before"]
    assert record["w1_student_m"] == round(alone.w1_before_m, 5)
    assert record["ks_student"] == round(alone.ks_before, 5)
    assert record["mean_student_m"] == round(alone.mean_before_m, 5)
    assert "student" not in alone.to_dict()


def test_even_directions_fill_bins_of_equal_area_evenly():
    direction = torch.randn(200_000, 3, generator=generator(), dtype=torch.float64)
    direction /= direction.norm(dim=1, keepdim=True)
    share = torch.tensor(sphere_mass(direction))
    assert len(share) == SPHERE_BANDS * SPHERE_COLUMNS
    num = len(direction) / len(share)  # expected in a bin
    assert stats.chisquare(share.numpy() * len(direction)).pvalue > 0.01
    assert float((share * len(share) - 1).abs().max()) < 5 / num**0.5


@pytest.mark.parametrize(
    ("direction", "band", "column"),
    [
        ((0.1, 0.001, -0.99), 0, 12),
        ((1, 0.01, 0), 6, 12),
        ((0.01, 1, 0.01), 6, 17),
        ((-1, 0.01, 0.5), 8, 23),
        ((-1, -0.01, 0), 6, 0),
        ((0.01, -0.02, 9), 11, 7),
    ],
)
def test_bands_rise_and_columns_go_round_from_minus_pi(direction, band, column):
    unit = torch.nn.functional.normalize(torch.tensor([direction], dtype=torch.float64))
    assert sphere_mass(unit).index(1.0) == band * SPHERE_COLUMNS + column


def test_the_resultant_is_one_where_all_point_one_way_and_odr_makes_it_small(offset):
    one_way = torch.tensor([[0.0, 0.1, 0.0]]) * torch.arange(1.0, 9)[:, None]
    assert odr_statistics(one_way, one_way, PRIOR).resultant_before == pytest.approx(1)
    numbers = odr_statistics(offset, regularize(offset), PRIOR)
    mean = torch.nn.functional.normalize(offset.double()).mean(0).norm().item()
    assert numbers.resultant_before == pytest.approx(mean)
    assert numbers.resultant_after < 0.1 < 0.5 < numbers.resultant_before
    assert sum(numbers.sphere_before) == pytest.approx(1)


@pytest.mark.parametrize("scale", [0.2, 1.0, 5.0])  # shorter than the prior, alike, longer
def test_distances_to_the_prior_agree_with_scipy(scale):
    length = scale * torch.randn(500, generator=generator(), dtype=torch.float64).exp()
    reference = stats.kstest(length.numpy(), stats.lognorm(0.76).cdf).statistic
    assert kolmogorov_smirnov(length, PRIOR) == pytest.approx(reference, abs=1e-9)
    quantiles = stats.lognorm(0.76).ppf((torch.arange(500).numpy() + 0.5) / 500)
    reference = stats.wasserstein_distance(length.numpy(), quantiles)
    assert wasserstein(length, PRIOR) == pytest.approx(reference, abs=1e-6)


def test_statistics_of_offsets_that_are_all_zero_are_finite():
    zero = torch.zeros(10, 3)
    numbers = odr_statistics(zero, regularize(zero), PRIOR)
    assert numbers.zero_share == 1
    assert numbers.w1_before_m == pytest.approx(PRIOR.midpoint_quantiles(10).mean().item())
    json.dumps(numbers.to_dict(), allow_nan=False)


def test_statistics_need_an_offset():
    with pytest.raises(ValueError, match="no offsets"):
        odr_statistics(torch.zeros(0, 3), torch.zeros(0, 3), PRIOR)

"""What is scheduled is where the sources say at the start, the joints and the end."""

import itertools
from dataclasses import replace

import pytest

from pointins_engine.recipes import get_recipe
from pointins_engine.schedules import cosine, schedule, warmup_cosine


@pytest.fixture
def config():
    base = get_recipe("indoor_38m")
    return replace(base, optim=replace(base.optim, steps=1000))


def test_the_learning_rate_warms_up_for_a_twentieth_and_falls_to_zero(config):
    assert schedule(0, config).lr == pytest.approx(config.optim.lr / 50)
    assert schedule(49, config).lr == pytest.approx(config.optim.lr)
    rates = [schedule(step, config).lr for step in range(50, 1000)]
    assert all(a >= b for a, b in itertools.pairwise(rates))
    assert rates[-1] < 1e-4 * config.optim.lr


def test_temperature_and_masks_grow_over_a_twentieth_and_stay(config):
    start, later, end = (schedule(step, config) for step in (0, 50, 999))
    assert (start.teacher_temp, start.mask_ratio, start.mask_size) == (0.04, 0.3, 0.1)
    assert (later.teacher_temp, later.mask_ratio, later.mask_size) == pytest.approx(
        (0.07, 0.7, 0.4)
    )
    assert (end.teacher_temp, end.mask_ratio) == pytest.approx((0.07, 0.7))


def test_the_offset_loss_joins_after_a_tenth(config):
    assert schedule(99, config).offset_weight == 0.0
    assert schedule(100, config).offset_weight == 0.25


def test_a_ramp_raises_the_offset_weight_slowly(config):
    ramped = replace(config, offset=replace(config.offset, ramp=0.1))
    weights = [schedule(step, ramped).offset_weight for step in (99, 100, 150, 200, 500)]
    assert weights == pytest.approx([0.0, 0.0, 0.125, 0.25, 0.25])


def test_weight_decay_follows_a_cosine_from_start_to_end(config):
    assert [schedule(step, config).weight_decay for step in (0, 500, 999)] == [0.04] * 3
    rising = replace(config, optim=replace(config.optim, weight_decay=(0.04, 0.2)))
    decays = [schedule(step, rising).weight_decay for step in (0, 500, 999)]
    assert decays == pytest.approx([0.04, 0.12, 0.2], abs=1e-5)


def test_the_momentum_rises_to_one(config):
    assert schedule(0, config).ema_momentum == pytest.approx(0.996)
    assert schedule(999, config).ema_momentum == pytest.approx(1.0, abs=1e-6)


def test_a_cosine_is_half_way_in_the_middle():
    assert cosine(2.0, 0.0, 0.5) == pytest.approx(1.0)
    assert warmup_cosine(0, 10, 0.0) == pytest.approx(1.0)

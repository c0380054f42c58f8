"""Alarms on synthetic series: each rings for its own trouble, once, and a healthy run is silent."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from pointins_engine.config import OdrConfig, OffsetConfig, OptimConfig, RunConfig, ScrConfig
from pointins_engine.watching.alarms import RULES, WINDOW, AlarmWatch

STEPS = 400
CONFIG = RunConfig(optim=OptimConfig(steps=STEPS), scr=ScrConfig(grouping="robust"))
HEALTHY = {
    "loss/total": 1.2,
    "optim/grad_norm": 0.8,
    "schedule/offset_weight": 0.25,
    "collapse/prototype_entropy": 5.0,
    "collapse/effective_rank": 100.0,
    "odr/zero_share": 0.02,
    "odr/w1_after_m": 0.001,
    "scr/largest_share": 0.4,
    "scr/view_share": 0.2,
    "scr/kept_share": 0.7,
    "scr/extent_m": 0.8,
    "time/data_s": 0.01,
    "time/student_s": 0.1,
    "time/loss_s": 0.2,
}
TROUBLE = {
    "not_finite": {"loss/total": math.nan},
    "prototype_collapse": {"collapse/prototype_entropy": 0.1},
    "feature_collapse": {"collapse/effective_rank": 1.3},
    "zero_offsets": {"odr/zero_share": 0.99},
    "scr_inert": {"scr/largest_share": 0.97},
    "scr_one_piece": {"scr/view_share": 0.8},
    "scr_empty": {"scr/kept_share": 0.01},
    "odr_misses": {"odr/w1_after_m": 0.2},
    "extent_growth": {"scr/extent_m": 2.4},
    "data_starved": {"time/data_s": 0.3},
}


def observed(series, config=CONFIG) -> list[tuple[int, str, str]]:
    """Step, name and state of all events of (step, values)."""
    watch = AlarmWatch(config, prior_mean_m=0.6)
    return [
        (step, event["name"], event["state"])
        for step, values in series
        for event in watch.observe(step, values)
    ]


def series_with(changes, start=100, end=250) -> list[tuple[int, dict[str, float]]]:
    """A healthy run with trouble in the steps from `start` to `end`."""
    return [
        (step, {**HEALTHY, **changes} if start <= step < end else HEALTHY) for step in range(STEPS)
    ]


def test_a_healthy_run_raises_nothing():
    assert observed(series_with({})) == []


def test_every_alarm_has_its_trouble_here():
    assert set(TROUBLE) == {rule.name for rule in RULES}


@pytest.mark.parametrize("name", sorted(TROUBLE))
def test_trouble_rings_once_when_it_starts_and_once_when_it_ends(name):
    events = observed(series_with(TROUBLE[name]))
    assert [(alarm, state) for _, alarm, state in events] == [(name, "raised"), (name, "cleared")]
    patience = next(rule.patience for rule in RULES if rule.name == name)
    late = WINDOW if name == "extent_growth" else 0  # a median over the window comes later
    assert 100 + patience - 1 <= events[0][0] <= 100 + patience + late
    assert 250 + patience - 1 <= events[1][0] <= 250 + patience + late


@pytest.mark.parametrize("name", sorted(set(TROUBLE) - {"not_finite"}))
def test_a_moment_of_trouble_is_no_alarm(name):
    assert observed(series_with(TROUBLE[name], start=100, end=103)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_figure_between_the_bounds_changes_nothing(rule):
    between = (rule.raised_at + rule.cleared_at) / 2
    assert not rule.is_bad(between) and not rule.is_good(between)


def test_a_figure_that_swings_about_the_bound_rings_once():
    swing = [
        (step, {**HEALTHY, "scr/view_share": 0.55 if step % 60 < 50 else 0.45})
        for step in range(STEPS)
    ]
    assert [event[1:] for event in observed(swing)] == [("scr_one_piece", "raised")]


def test_before_the_offset_loss_joins_offsets_and_pseudo_instances_are_nobodys_business():
    bad = TROUBLE["zero_offsets"] | TROUBLE["scr_one_piece"] | TROUBLE["scr_empty"]
    values = {**HEALTHY, **bad, "schedule/offset_weight": 0.0}
    assert observed([(step, values) for step in range(STEPS)]) == []


def test_zero_offsets_are_given_time_to_grow():
    values = {**HEALTHY, **TROUBLE["zero_offsets"]}
    config = replace(CONFIG, offset=OffsetConfig(start=0.25))
    events = observed([(step, values) for step in range(STEPS)], config)
    assert events[0][0] >= 0.35 * STEPS  # a tenth of the run after the loss joined


def test_affinity_has_no_segments_that_could_be_inert():
    config = replace(CONFIG, scr=ScrConfig(grouping="affinity"))
    assert observed(series_with(TROUBLE["scr_inert"]), config) == []


@pytest.mark.parametrize(
    "odr", [OdrConfig(side="student"), OdrConfig(order="after_scr"), OdrConfig(clip=True)]
)
def test_odr_may_miss_its_prior_where_it_does_not_map_all_offsets_of_the_teacher(odr):
    assert observed(series_with(TROUBLE["odr_misses"]), replace(CONFIG, odr=odr)) == []


def test_waiting_alone_says_nothing_of_a_step_that_was_not_timed():
    assert observed((step, {"time/data_s": 3.0}) for step in range(STEPS)) == []


def test_figures_that_are_missing_or_not_finite_hold_nothing_up():
    series = [
        (step, {} if step % 2 else {**HEALTHY, "scr/view_share": 0.8, "scr/kept_share": math.nan})
        for step in range(STEPS)
    ]
    assert [event[1:] for event in observed(series)] == [("scr_one_piece", "raised")]


@pytest.mark.parametrize("name", sorted(TROUBLE))
def test_an_alarm_says_what_is_wrong_and_names_what_to_change(name):
    watch = AlarmWatch(CONFIG, prior_mean_m=0.6)
    texts = [
        event["text"]
        for step, values in series_with(TROUBLE[name], end=STEPS)
        for event in watch.observe(step, values)
    ]
    (text,) = texts
    assert "{" not in text and text.count(": ") >= 1 and text.endswith(".")
    groups = ("optim.", "odr.", "offset.", "scr.", "view.")
    assert any(group in text for group in groups), text


def test_every_alarm_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "run-folder.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert f"| `{rule.name}` |" in text

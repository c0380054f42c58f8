"""The configuration is typed, checked, and survives JSON."""

import json
from dataclasses import replace

import pytest

from pointins_engine.config import (
    BackboneConfig,
    OffsetConfig,
    PriorConfig,
    RunConfig,
    ScrConfig,
    differences,
    from_dict,
    to_dict,
)
from pointins_engine.errors import ConfigError
from pointins_engine.recipes import RECIPES, get_recipe


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_survives_json(name):
    config = get_recipe(name)
    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config


def test_an_unknown_field_is_named_with_its_place():
    with pytest.raises(ConfigError, match=r"unknown field scr\.num_clusters; known here:"):
        from_dict({"scr": {"num_clusters": 3}})
    with pytest.raises(ConfigError, match=r"scr\.grouping is 'magic', expected one of"):
        from_dict({"scr": {"grouping": "magic"}})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ScrConfig(num_segments=1), r"scr\.num_segments must be in 2\.\.255, got 1"),
        (lambda: BackboneConfig(heads=(3, 4, 8, 16, 32)), r"divisors of backbone\.channels"),
        (lambda: OffsetConfig(start=1.5), r"offset\.start must be in \[0, 1\], got 1\.5"),
        (
            lambda: PriorConfig(kind="empirical", quantiles=(1.0, 0.5)),
            "at least two rising lengths",
        ),
    ],
)
def test_an_impossible_value_is_named_with_its_rule(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_differences_name_the_field_and_both_values():
    a = RunConfig()
    b = replace(a, scr=replace(a.scr, link_radius=0.3), seed=4)
    assert differences(a, b) == {"scr.link_radius": (1.2, 0.3), "seed": (0, 4)}
    assert differences(a, a) == {}


def test_widths_follow_from_the_channels():
    assert get_recipe("indoor_38m").backbone.out_channels == 896
    assert get_recipe("indoor_38m").scene.in_channels == 9
    assert get_recipe("outdoor_38m").scene.in_channels == 4
    assert get_recipe("indoor_38m").cell_size == pytest.approx(0.08)
    assert get_recipe("outdoor_38m").cell_size == pytest.approx(0.20)

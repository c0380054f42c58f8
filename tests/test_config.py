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


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_says_how_to_run_it(name):
    assert f"pointins pretrain {name}" in (RECIPES[name].__doc__ or "")


def test_the_paper_recipes_hold_the_numbers_of_table_9():
    indoor, outdoor = get_recipe("indoor_38m"), get_recipe("outdoor_38m")
    assert (indoor.optim.lr, outdoor.optim.lr) == (4e-3, 2e-3)
    for config in (indoor, outdoor):
        assert config.optim.weight_decay == 0.04
        assert config.optim.batch_scenes == 16
        assert config.optim.warmup == 0.05
        assert (config.offset.weight, config.offset.start) == (0.25, 0.1)
        assert (config.scr.num_segments, config.scr.kmeans_iterations) == (20, 10)
        assert config.view.mask_ratio[1] == 0.7
    assert (indoor.view.mask_size[1], outdoor.view.mask_size[1]) == (0.4, 1.0)
    assert (indoor.scr.num_neighbours, indoor.scr.link_radius, indoor.scr.min_size) == (
        150,
        1.2,
        30,
    )
    assert (outdoor.scr.num_neighbours, outdoor.scr.link_radius) == (20, 1.0)
    assert outdoor.scr.min_size == 10
    assert (indoor.odr.prior.shape, indoor.odr.prior.scale) == (0.24, 2.53)
    assert outdoor.odr.prior.kind == "lognormal"
    assert (outdoor.odr.prior.mu, outdoor.odr.prior.sigma) == (0.0, 0.76)


def test_an_unknown_recipe_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"'indor_demo'.*indoor_demo, outdoor_demo"):
        get_recipe("indor_demo")


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

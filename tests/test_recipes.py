"""Recipes and presets: what they promise in their sources, and what they print."""

import re
from pathlib import Path

import pytest

from pointins_engine.config import BackboneConfig, RunConfig, differences, flat, with_values
from pointins_engine.errors import ConfigError
from pointins_engine.provenance import describe_recipe, field_notes
from pointins_engine.recipes import PRESETS, RECIPES, get_recipe, recipe_changes

READINGS = (Path(__file__).parents[1] / "docs" / "readings.md").read_text()


def entries() -> dict[str, str]:
    """Rows of docs/readings.md by entry."""
    return dict(re.findall(r"^\| (A\d+) \|(.*)$", READINGS, flags=re.MULTILINE))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_its_command_and_what_to_expect(name):
    recipe = RECIPES[name]
    assert recipe.command == f"pointins pretrain {name}"
    assert recipe.purpose and recipe.expect


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", RECIPES)
def test_every_value_of_every_recipe_has_a_source(name, preset):
    config, changes, notes = get_recipe(name, preset), recipe_changes(name, preset), field_notes()
    changed = differences(RunConfig(), config)
    assert set(changed) <= set(changes), "a value differs from its default without a reason"
    assert set(notes) == set(flat(config))
    text = describe_recipe(name, preset)
    for field in notes:
        line = next(line for line in text.splitlines() if line.startswith(f"{field} "))
        assert re.search(r"\[([PSDVTO]|A\d+)\b.*\]$", line), line


def test_every_reading_that_a_source_names_is_explained():
    sources = [note.source for note in field_notes().values()]
    for name in RECIPES:
        for preset in PRESETS:
            sources += [source for _, source in recipe_changes(name, preset).values()]
    named = {entry for source in sources for entry in re.findall(r"A\d+", source)}
    assert named <= set(entries())


def test_the_readings_are_numbered_without_a_gap_and_their_switches_exist():
    assert list(entries()) == [f"A{number}" for number in range(1, 39)]
    fields = set(flat(RunConfig()))
    for row in entries().values():
        switch = row.split("|")[-2]
        for name in re.findall(r"`([a-z_]+\.[a-z_.*]+)`", switch):
            assert any(re.fullmatch(name.replace("*", ".+"), field) for field in fields), name


def test_the_paper_recipes_hold_the_numbers_of_table_9():
    indoor, outdoor = get_recipe("indoor_38m"), get_recipe("outdoor_38m")
    assert (indoor.optim.lr, outdoor.optim.lr) == (4e-3, 2e-3)
    for config in (indoor, outdoor):
        assert config.optim.weight_decay == (0.04, 0.04)
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


def test_a_presets_lengths_follow_the_cells_of_the_recipe():
    for name in ("indoor_demo", "indoor_38m"):
        config = get_recipe(name, "robust")
        assert config.scr.link_radius == pytest.approx(3 * config.cell_size)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("indoor_demo", 4_202_976),
        ("indoor_38m", 38_648_992),
        ("outdoor_38m", 38_648_832),
        ("indoor_108m", 108_461_376),
    ],
)
def test_the_parameter_count_is_the_papers(name, count):
    config = get_recipe(name)
    assert config.backbone.num_parameters(config.scene.in_channels) == count
    assert f"{count:,} parameters" in describe_recipe(name)


def test_the_largest_published_encoder_has_its_published_count():
    large = BackboneConfig(
        depths=(3, 3, 3, 12, 3), channels=(64, 128, 256, 512, 768), heads=(4, 8, 16, 32, 48)
    )
    assert large.num_parameters(in_channels=9) == 207_667_456


def test_a_misspelt_recipe_preset_or_field_is_named():
    with pytest.raises(ConfigError, match=r"indor_demo.*indoor_demo"):
        get_recipe("indor_demo")
    with pytest.raises(ConfigError, match=r"'rubust'.*robust"):
        get_recipe("indoor_demo", "rubust")
    with pytest.raises(ConfigError, match=r"scr\.link_raduis.*link_radius"):
        with_values(RunConfig(), {"scr.link_raduis": 1.0})
    with pytest.raises(ConfigError, match="no group 'scrr'"):
        with_values(RunConfig(), {"scrr.link_radius": 1.0})

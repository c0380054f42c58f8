"""What may be set of a segmentation, and what follows from the scan."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pointins_engine.errors import ConfigError
from pointins_engine.scenes.simulate.indoor.rooms import simulate_room
from pointins_engine.segment.scale import automatic_scale
from pointins_engine.segment.settings import SegmentSettings, checkpoint_for


def test_settings_come_back_from_json_as_they_were():
    settings = SegmentSettings(planes="keep", radius=0.1, min_size=20, least_score=0.2)
    settings = replace(settings, scale=2.0, domain="indoor")
    text = json.dumps(settings.values())
    assert SegmentSettings.from_values(json.loads(text)) == settings
    assert SegmentSettings.from_values({}) == SegmentSettings()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"planes": "yes"}, "planes is 'yes', expected one of remove, keep"),
        ({"domain": "mars"}, "domain is 'mars'"),
        ({"radius": 0}, "radius is 0.0, expected a number > 0"),
        ({"radius": float("nan")}, "radius is nan"),
        ({"scale": "2"}, "scale is '2'"),
        ({"min_size": 2.5}, "min_size is 2.5, expected a whole number"),
        ({"min_size": 0}, "min_size is 0"),
        ({"least_score": 1.5}, "least_score is 1.5, expected a number in 0..1"),
        ({"least_score": "much"}, "least_score is 'much'"),
        ({"max_tile_points": 10}, "max_tile_points is 10, expected 1,000 or more"),
        ({"scale": 10**400}, "scale is 1000"),
        ({"min_size": 2**40}, "min_size is 1099511627776"),
        ({"min_size": True}, "min_size is True"),
        ({"max_tile_points": None}, "max_tile_points is None"),
        ({"colour": 1}, "unknown setting 'colour'"),
    ],
)
def test_a_value_that_is_not_possible_is_named(values, told):
    with pytest.raises(ConfigError, match=told):
        SegmentSettings.from_values(values)


def test_rooms_keep_their_size_also_small_ones():
    assert automatic_scale(simulate_room(3).coord, "indoor") == 1
    box = np.random.default_rng(0).uniform(0, 1, (5000, 3)).astype(np.float32)
    assert automatic_scale(box * np.float32([1.5, 1.6, 2.4]), "indoor") == 1  # a bathroom


def test_a_table_top_appears_as_large_as_a_room():
    rng = np.random.default_rng(0)
    table = (rng.uniform(0, 1, (5000, 3)) * (0.8, 1.0, 0.2)).astype(np.float32)
    scale = automatic_scale(table, "indoor")
    assert 5.0 <= scale <= 5.5  # 0.96 m without its outer parts, as 5 m
    assert automatic_scale(table * np.float32(0.5), "indoor") == pytest.approx(2 * scale, rel=1e-3)
    assert automatic_scale(table, "outdoor") == 1


def test_auto_is_the_built_in_network_of_the_scans_domain():
    rng = np.random.default_rng(0)
    room = rng.uniform(0, 5, (1000, 3)).astype(np.float32)
    assert checkpoint_for("auto", room, SegmentSettings()) == "builtin:indoor"
    assert checkpoint_for("auto", 20 * room, SegmentSettings()) == "builtin:outdoor"
    assert checkpoint_for("auto", room, SegmentSettings(domain="outdoor")) == "builtin:outdoor"
    assert checkpoint_for("runs/mine", room, SegmentSettings()) == "runs/mine"

"""A network that knows the truth, and one small simulated room."""

from dataclasses import replace

import numpy as np
import pytest

from pointins_engine.config import RunConfig
from pointins_engine.evaluate.networks import untrained_teacher
from pointins_engine.evaluate.seen import SeenScene, see
from pointins_engine.recipes import get_recipe
from pointins_engine.scenes.simulate.indoor.rooms import simulate_room
from pointins_engine.scenes.source import complete
from pointins_engine.types import Scene


@pytest.fixture(scope="session")
def small_config() -> RunConfig:
    """The demo with a network of two stages."""
    base = get_recipe("indoor_demo")
    backbone = replace(base.backbone, depths=(1, 1), channels=(16, 32), heads=(1, 2), patch_size=64)
    return replace(
        base,
        backbone=backbone,
        semantic=replace(base.semantic, num_prototypes=32, hidden=32, embed=16),
        offset=replace(base.offset, hidden=32),
    )


@pytest.fixture(scope="session")
def simulated(small_config) -> Scene:
    """A room of 12,000 points; its seed is used nowhere else."""
    return complete(simulate_room(77, num_points=12_000), small_config.scene, 77)


@pytest.fixture(scope="session")
def seen(small_config, simulated) -> SeenScene:
    """The room as an untrained network sees it."""
    return see(untrained_teacher(small_config), simulated, small_config)


@pytest.fixture(scope="session")
def seen_truly(seen) -> SeenScene:
    """The room as a network would see it whose offsets are true on objects and zero elsewhere."""
    offset = np.nan_to_num(seen.true_centroid - seen.coord).astype(np.float32)
    return replace(seen, offset=offset)

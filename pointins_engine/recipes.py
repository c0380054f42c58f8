"""Recipes: functions that return a whole configuration. No torch here.

Each docstring gives command, machine, duration and what to expect.
"""

from collections.abc import Callable
from dataclasses import replace

from pointins_engine.config import (
    BackboneConfig,
    LogConfig,
    OdrConfig,
    OffsetConfig,
    OptimConfig,
    PriorConfig,
    RunConfig,
    SceneConfig,
    ScrConfig,
    SemanticConfig,
    ViewConfig,
)
from pointins_engine.errors import ConfigError


def indoor_38m() -> RunConfig:
    """Tab. 9 of the paper, indoor column, on the 38 M encoder.

    `pointins pretrain indoor_38m --scenes PATH`; one GPU with 80 GB; 60,050 steps on ScanNet took
    the authors 25 hours on one H200.
    """
    return RunConfig()


def outdoor_38m() -> RunConfig:
    """Tab. 9 of the paper, outdoor column, on the 38 M encoder.

    `pointins pretrain outdoor_38m --scenes PATH`; one GPU with 80 GB; 29 hours on nuScenes on one
    H200 as the authors report.
    """
    base = indoor_38m()
    return replace(
        base,
        scene=SceneConfig(
            source="sim:streets", domain="outdoor", grid_size=0.05, feats=("coord", "intensity")
        ),
        view=replace(
            base.view,
            crop_scale=(0.6, 1.0),
            rotate_z_p=1.0,
            color_jitter=0.0,
            mask_size=(0.25, 1.0),
            match_radius=0.8,
        ),
        odr=OdrConfig(prior=PriorConfig(kind="lognormal")),
        scr=ScrConfig(num_neighbours=20, link_radius=1.0, min_size=10),
        optim=OptimConfig(lr=2e-3),
    )


def indoor_demo() -> RunConfig:
    """Simulated rooms on two CPU cores: votes gather on objects within minutes.

    `pointins pretrain indoor_demo`; two cores, no GPU.
    """
    return RunConfig(
        scene=SceneConfig(source="sim:rooms", num_simulated=64, grid_size=0.06),
        view=ViewConfig(
            crop_scale=(0.35, 0.65),
            max_points=12_000,
            mask_size=(0.42, 0.42),
            mask_ratio=(0.3, 0.6),
            match_radius=0.24,
        ),
        backbone=BackboneConfig(
            depths=(1, 1, 1, 2, 1),
            channels=(16, 32, 64, 128, 256),
            heads=(1, 2, 4, 8, 16),
            patch_size=128,
            drop_path=0.1,
            loss_stage=1,
        ),
        semantic=SemanticConfig(num_prototypes=256, hidden=256, embed=128),
        offset=OffsetConfig(weight=1.0, start=0.05, plane_weight=0.1),
        odr=OdrConfig(start=0.5, points="off_planes", prior=PriorConfig(kind="hdbscan")),
        scr=ScrConfig(
            grouping="affinity",
            num_neighbours=12,
            link_radius=0.125,
            core_neighbours=4,
            min_cosine=0.1,
            min_size=12,
            planes="zero",
        ),
        optim=OptimConfig(
            steps=800, batch_scenes=2, lr=2e-3, layer_decay=1.0, ema_momentum=(0.99, 0.999)
        ),
        log=LogConfig(scalars_every=1, frame_every=5, watch_budget=0.1, checkpoint_every=10),
    )


def outdoor_demo() -> RunConfig:
    """Simulated streets on two CPU cores, or a folder of LiDAR sweeps.

    `pointins pretrain outdoor_demo`; two cores, no GPU.
    """
    base = indoor_demo()
    return replace(
        base,
        scene=SceneConfig(
            source="sim:streets",
            num_simulated=48,
            domain="outdoor",
            grid_size=0.2,
            feats=("coord", "intensity"),
        ),
        view=replace(
            base.view,
            rotate_z_p=1.0,
            color_jitter=0.0,
            mask_size=(1.0, 1.0),
            match_radius=0.8,
        ),
        odr=replace(base.odr, prior=PriorConfig(kind="lognormal")),
        scr=replace(base.scr, link_radius=0.6, attach_radius=0.8, min_cosine=0.3, min_size=8),
    )


RECIPES: dict[str, Callable[[], RunConfig]] = {
    recipe.__name__: recipe for recipe in (indoor_demo, outdoor_demo, indoor_38m, outdoor_38m)
}


def get_recipe(name: str) -> RunConfig:
    """The configuration of a recipe.

    Raises:
        ConfigError: If no recipe has that name; lists those that exist.
    """
    if name not in RECIPES:
        raise ConfigError(f"no recipe is called {name!r}; there are: {', '.join(RECIPES)}.")
    return RECIPES[name]()

"""Recipes and presets: named configurations, each change with its reason. No torch here.

A recipe starts from the defaults of `config.py` or from another recipe. A preset says how ODR and
SCR find pseudo-instances; it fits every recipe, because its lengths follow the cells of the loss
stage where they are ours and stay in metres where they are printed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pointins_engine.config import RunConfig, with_values
from pointins_engine.errors import ConfigError

Changes = Mapping[str, tuple[Any, str]]  # dotted field -> value, source (see `provenance.py`)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A named configuration: what it is for, where it starts and what it changes."""

    name: str
    purpose: str
    expect: str  # machine, duration and result
    base: str | None = None
    preset: str = "paper"
    changes: Changes = field(default_factory=dict)

    @property
    def command(self) -> str:
        return f"pointins pretrain {self.name}"


def paper(config: RunConfig) -> Changes:
    """ODR and SCR as printed: K-means segments, components of close votes, all points."""
    where = "P Tab. 9 " + config.scene.domain
    indoor = config.scene.domain == "indoor"
    return {
        "odr.prior.kind": ("gamma" if indoor else "lognormal", where),
        "odr.points": ("all", "P Alg. 1, A10"),
        "odr.start": (0.0, "P Alg. 1"),
        "scr.grouping": ("paper", "P Alg. 2"),
        "scr.num_neighbours": (150 if indoor else 20, where),
        "scr.link_radius": (1.2 if indoor else 1.0, where),
        "scr.min_size": (30 if indoor else 10, where),
        "scr.planes": ("keep", "P is silent"),
        "offset.weight": (0.25, "P Tab. 9"),
        "offset.start": (0.1, "P Tab. 9"),
        "offset.plane_weight": (1.0, "P Eq. 6"),
    }


def robust(config: RunConfig) -> Changes:
    """K-means segments with a density core, planes found without labels and kept out."""
    cell = config.cell_size
    return {
        "odr.prior.kind": ("hdbscan", "A14, A15: fitted without labels"),
        "odr.points": ("off_planes", "O: the prior is one of things"),
        "odr.start": (0.5, "T"),
        "scr.grouping": ("robust", "A20: printed radii chain whole segments together"),
        "scr.num_neighbours": (20, "A20"),
        "scr.core_neighbours": (20, "A20"),
        "scr.link_radius": (round(3 * cell, 4), "A20: three cells"),
        "scr.attach_radius": (round(2 * cell, 4), "A20: two cells"),
        "scr.min_size": (12, "T"),
        "scr.planes": ("drop", "T: a floor's centroid is near everything"),
    }


def affinity(config: RunConfig) -> Changes:
    """Edges need agreeing features instead of a K-means segment; planes get the target zero."""
    cell = config.cell_size
    indoor = config.scene.domain == "indoor"
    prior = "hdbscan" if indoor else "lognormal"
    return {
        "odr.prior.kind": (
            prior,
            "A14, T: on simulated streets the paper's is closer to the truth than a fit",
        ),
        "odr.points": ("off_planes", "O: the prior is one of things"),
        "odr.start": (0.5, "T"),
        "scr.grouping": ("affinity", "T: K-means cuts objects into faces"),
        "scr.num_neighbours": (12, "T"),
        "scr.core_neighbours": (4, "T"),
        "scr.link_radius": (round((1.04 if indoor else 1.5) * cell, 4), "T"),
        "scr.attach_radius": (round((4 / 3 if indoor else 2) * cell, 4), "T"),
        "scr.min_cosine": (0.1 if indoor else 0.3, "T"),
        "scr.min_size": (12 if indoor else 8, "T"),
        "scr.planes": ("zero", "T: planes without a target wander"),
        "offset.weight": (1.0, "T"),
        "offset.start": (0.05, "T"),
        "offset.plane_weight": (0.1, "T: half of the cells are planes"),
    }


PRESETS: dict[str, Callable[[RunConfig], Changes]] = {
    preset.__name__: preset for preset in (paper, robust, affinity)
}

_TWO_CORES = "O: two CPU cores"
_OUTDOOR: Changes = {
    "scene.source": ("sim:streets", "O"),
    "scene.domain": ("outdoor", "O"),
    "scene.feats": (("coord", "intensity"), "A34"),
    "view.rotate_z_p": (1.0, "O: a sweep has no preferred heading"),
    "view.color_jitter": (0.0, "O: no colour"),
    "view.match_radius": (0.8, "A8: four cells"),
}

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="indoor_demo",
            purpose="Simulated rooms on two CPU cores: votes gather on objects within minutes.",
            expect="Two cores, no GPU, about six minutes for 800 steps.",
            preset="affinity",
            changes={
                "scene.grid_size": (0.06, _TWO_CORES),
                "view.crop_scale": ((0.35, 0.65), _TWO_CORES),
                "view.max_points": (12_000, _TWO_CORES),
                "view.mask_size": ((0.42, 0.42), "A6: constant; whole blocks of 6 cm voxels"),
                "view.mask_ratio": ((0.3, 0.6), "T"),
                "view.match_radius": (0.24, "O: two cells of 12 cm"),
                "backbone.depths": ((1, 1, 1, 2, 1), _TWO_CORES),
                "backbone.channels": ((16, 32, 64, 128, 256), _TWO_CORES),
                "backbone.heads": ((1, 2, 4, 8, 16), "V: 16 channels a head"),
                "backbone.patch_size": (128, _TWO_CORES),
                "backbone.drop_path": (0.1, "O: a small encoder"),
                "backbone.loss_stage": (1, "O: cells of 12 cm"),
                "semantic.num_prototypes": (256, _TWO_CORES),
                "semantic.hidden": (256, _TWO_CORES),
                "semantic.embed": (128, _TWO_CORES),
                "offset.hidden": (64, _TWO_CORES),
                "optim.steps": (800, _TWO_CORES),
                "optim.batch_scenes": (2, _TWO_CORES),
                "optim.lr": (2e-3, "T"),
                "optim.layer_decay": (1.0, "A36: off for few blocks"),
                "optim.ema_momentum": ((0.99, 0.999), "T: few steps"),
                "log.scalars_every": (1, "O: people watch"),
                "log.probe_every": (100, "O: people watch"),
                "log.frame_every": (5, "O: people watch"),
                "log.watch_budget": (0.1, "O: people watch"),
                "log.checkpoint_every": (10, "O: little is lost when a demo is stopped"),
            },
        ),
        Recipe(
            name="outdoor_demo",
            purpose="Simulated streets on two CPU cores, or a folder of LiDAR sweeps.",
            expect="Two cores, no GPU, about eight minutes for 800 steps.",
            base="indoor_demo",
            preset="affinity",
            changes={
                **_OUTDOOR,
                "scene.num_simulated": (48, _TWO_CORES),
                "scene.grid_size": (0.2, _TWO_CORES),
                "view.mask_size": ((1.0, 1.0), "P Tab. 9 outdoor"),
            },
        ),
        Recipe(
            name="indoor_38m",
            purpose="Tab. 9 of the paper, indoor column, on the 38 M encoder.",
            expect="One GPU with 80 GB; 25 hours on ScanNet on an H200, as the authors report.",
            changes={"backbone.dtype": ("bfloat16", "S")},
        ),
        Recipe(
            name="outdoor_38m",
            purpose="Tab. 9 of the paper, outdoor column, on the 38 M encoder.",
            expect="One GPU with 80 GB; 29 hours on nuScenes on an H200, as the authors report.",
            changes={
                **_OUTDOOR,
                "backbone.dtype": ("bfloat16", "S"),
                "scene.grid_size": (0.05, "P App. A"),
                "view.crop_scale": ((0.6, 1.0), "A7"),
                "view.mask_size": ((0.25, 1.0), "P Tab. 9 outdoor, A6"),
                "optim.lr": (2e-3, "P Tab. 9 outdoor"),
            },
        ),
        Recipe(
            name="indoor_108m",
            purpose="The indoor column on the encoder of several data sets together (P Sec. 4).",
            expect="Two GPUs with 141 GB, as the authors used; not run by us.",
            base="indoor_38m",
            changes={
                "backbone.depths": ((3, 3, 3, 12, 3), "S, P App. A"),
                "backbone.channels": ((48, 96, 192, 384, 512), "S"),
                "backbone.heads": ((3, 6, 12, 24, 32), "S"),
                "offset.hidden": (1088, "A26: width of the features"),
            },
        ),
        Recipe(
            name="indoor_sonata",
            purpose="PointINS on Sonata (P Tab. 6): assignments, mask tokens, local views.",
            expect="One GPU with 80 GB; not run by us at this size.",
            base="indoor_38m",
            changes={
                "semantic.objective": ("assignments", "S, P Tab. 6"),
                "semantic.num_prototypes": (4096, "S"),
                "semantic.hidden": (4096, "S"),
                "semantic.zipf_alpha": (0.0, "S: plain Sinkhorn"),
                "semantic.unmask_head": (True, "S"),
                "view.masking": ("token", "S"),
                "view.num_local": (4, "S"),
                "optim.weight_decay": ((0.04, 0.2), "S, A35"),
                "optim.ema_momentum": ((0.994, 1.0), "S, A4"),
            },
        ),
    )
}


def get_recipe(name: str, preset: str | None = None) -> RunConfig:
    """The configuration of a recipe, with its own preset or another one.

    Raises:
        ConfigError: If no recipe or preset has that name; lists those that exist.
    """
    values = {field: value for field, (value, _) in recipe_changes(name, preset).items()}
    return with_values(RunConfig(), values)


def recipe_changes(name: str, preset: str | None = None) -> dict[str, tuple[Any, str]]:
    """All that a recipe and its preset change, with sources; later changes replace earlier ones."""
    if name not in RECIPES:
        raise ConfigError(f"no recipe is called {name!r}; there are: {', '.join(RECIPES)}.")
    preset = preset or RECIPES[name].preset
    if preset not in PRESETS:
        raise ConfigError(f"no preset is called {preset!r}; there are: {', '.join(PRESETS)}.")
    changes = _own_changes(name)
    values = {field: value for field, (value, _) in changes.items()}
    # A preset decides last: its lengths follow the cells that the recipe has chosen.
    return changes | dict(PRESETS[preset](with_values(RunConfig(), values)))


def _own_changes(name: str) -> dict[str, tuple[Any, str]]:
    recipe = RECIPES[name]
    inherited = _own_changes(recipe.base) if recipe.base else {}
    return inherited | dict(recipe.changes)

"""Which simulated scenes an evaluation uses, and what for. No run has trained on any of them."""

from dataclasses import dataclass, replace
from functools import lru_cache

from pointins_engine.config import SceneConfig
from pointins_engine.scenes import open_scenes
from pointins_engine.scenes.source import Split
from pointins_engine.types import Scene

DEVELOPMENT_SEED = 9_999  # a run seed that is kept for this: its scenes are for choosing numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationScenes:
    """Labelled scenes, by what they are for."""

    probe: tuple[Scene, ...]  # linear probe and neighbours learn their labels
    development: tuple[Scene, ...]  # decide the numbers of read-outs and baselines
    unseen: tuple[Scene, ...]  # give the figures


@lru_cache(maxsize=1)
def evaluation_scenes(
    config: SceneConfig, *, probe: int, development: int, unseen: int
) -> EvaluationScenes:
    """The scenes of an evaluation; simulated once a process.

    `unseen` are the first of the validation seeds; the others have training seeds of a run seed
    that an ablation refuses.
    """

    def some(count: int, seed: int, split: Split) -> tuple[Scene, ...]:
        return tuple(open_scenes(replace(config, num_simulated=count), seed, split))

    known = some(probe + development, DEVELOPMENT_SEED, "train")
    return EvaluationScenes(
        probe=known[:probe],
        development=known[probe:],
        unseen=some(unseen, 0, "val"),
    )

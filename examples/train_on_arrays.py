"""Pre-train on clouds that a program holds, with no file in between.

    python examples/train_on_arrays.py runs/mine --steps 200

`clouds` stands for your own: any (N, 3) array, tensor or list in metres with z up, and whatever
else was measured. For files there is `pointins pretrain indoor_demo --scenes FOLDER`.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pointins_engine.config import with_values
from pointins_engine.recipes import get_recipe
from pointins_engine.scenes import SceneSet, scene_from_arrays
from pointins_engine.trainer import pretrain


def clouds(count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions in metres and colours 0..255: boxes that stand on a floor."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        parts = [np.c_[rng.uniform(0, 4, (6000, 2)), np.zeros(6000)]]
        for _ in range(6):
            size, place = rng.uniform(0.3, 0.9, 3), np.r_[rng.uniform(0.3, 3.0, 2), 0.0]
            points = rng.uniform(0, 1, (1500, 3))
            face = rng.integers(0, 3, 1500)
            points[np.arange(1500), face] = rng.integers(0, 2, 1500)
            parts.append(place + points * size)
        shades = rng.integers(30, 230, (len(parts), 3))
        yield np.concatenate(parts), np.repeat(shades, [len(part) for part in parts], axis=0)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Pre-train on clouds of a program.")
    parser.add_argument("run", type=Path, help="run folder to write")
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args(arguments)
    config = with_values(get_recipe("indoor_demo"), {"optim.steps": options.steps})
    scenes = [
        scene_from_arrays(coord, color=color, id=f"boxes_{number}")
        for number, (coord, color) in enumerate(clouds(4))
    ]
    pretrain(
        config, options.run, recipe="my_clouds", scenes=SceneSet.of(scenes, config.scene), say=print
    )
    print(f"Look at it with: pointins studio --runs {options.run.parent}")


if __name__ == "__main__":
    main()

"""What is found out about one scene: facts, planes, and how long its offsets are."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from pointins_engine.errors import PointinsError, RunError
from pointins_engine.offset_prior.offsets import Domain, label_free_offsets, labelled_offsets
from pointins_engine.run_log.files import write_arrays
from pointins_engine.scene_index.arrays import drawn_scene
from pointins_engine.scene_index.cache import NUM_LEVELS, CollectionFolder, SceneRow
from pointins_engine.scenes.planes import find_planes, guess_domain
from pointins_engine.scenes.report import describe
from pointins_engine.types import Scene

CELL_SIZE: dict[Domain, float] = {"indoor": 0.08, "outdoor": 0.2}  # metres: PointINS App. A
_PLAN_CELL = 0.5  # metres: edge of the squares that count as occupied


def make_row(
    id: str,
    key: str,
    read: Callable[[], tuple[Scene, list[str]]],
    folder: CollectionFolder,
    split: str = "",
) -> SceneRow:
    """Read a scene, write what is drawn of it, and give back what was found.

    A scene that cannot be read gives a row with the reason: the others are not affected.

    Raises:
        RunError: If the cache cannot be written; no other scene will do better.
    """
    began = time.monotonic()
    try:
        scene, notes = read()
        domain = _domain(scene)
        rng = np.random.default_rng(len(scene))
        if scene.is_plane is None:
            is_plane = find_planes(scene.coord, domain, rng, scene.normal)
            scene = replace(scene, is_plane=is_plane)
        cell_size = CELL_SIZE[domain]
        facts = describe(scene, notes) | {
            "domain": domain,
            "split": split,
            "cell_size_m": cell_size,
            "density_per_m2": plan_density(scene.coord),
        }
        found = label_free_offsets(scene, cell_size, domain, rng)
        true = None if scene.instance_label is None else labelled_offsets(scene, cell_size)
        _write_arrays(id, key, scene, cell_size, folder)
    except RunError:
        raise
    except PointinsError as error:
        return SceneRow(id=id, key=key, error=str(error))
    except (ArithmeticError, IndexError, KeyError, OSError, TypeError, ValueError) as error:
        return SceneRow(id=id, key=key, error=f"{type(error).__name__} while it was read: {error}")
    except MemoryError:
        return SceneRow(id=id, key=key, error="It is too large for the memory of this machine.")
    return SceneRow(
        id=id,
        key=key,
        facts=facts | {"read_s": round(time.monotonic() - began, 2)},
        lengths=_table(found),
        num_lengths=len(found),
        true_lengths=_table(true),
    )


def plan_density(coord: Float[np.ndarray, "n 3"]) -> float:
    """Points a square metre of the ground plan, over the squares of 0.5 m that hold any."""
    square = np.floor(coord[:, :2] / _PLAN_CELL).astype(np.int64)
    square -= square.min(axis=0)
    occupied = np.unique(square[:, 0] * (int(square[:, 1].max()) + 1) + square[:, 1])
    return round(len(coord) / (len(occupied) * _PLAN_CELL**2), 2)


def _domain(scene: Scene) -> Domain:
    if scene.source.startswith("sim:"):
        return "outdoor" if scene.source == "sim:streets" else "indoor"
    return guess_domain(scene.coord)


def _table(offsets: np.ndarray | None) -> tuple[float, ...] | None:
    """Quantiles of the lengths in metres; None where there are none."""
    if offsets is None or len(offsets) == 0:
        return None
    length = np.linalg.norm(offsets, axis=1)
    return tuple(np.quantile(length, np.linspace(0, 1, NUM_LEVELS)).round(5).tolist())


def _write_arrays(
    id: str, key: str, scene: Scene, cell_size: float, folder: CollectionFolder
) -> None:
    assert scene.is_plane is not None, "planes are found before the scene is drawn"
    inspected, truth = drawn_scene(id, scene, scene.is_plane, cell_size)
    if truth is not None:  # first: whoever sees the scene finds the truth beside it
        write_arrays(folder.truth(id, key), truth.arrays())
    write_arrays(folder.scene(id, key), inspected.arrays(), inspected.metadata())

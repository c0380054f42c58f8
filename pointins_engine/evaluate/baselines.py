"""Instances that classical clustering finds in the raw points: the rows a network has to beat.

Every method has a small grid of parameters; `tuned` picks from it on development scenes.
N points, V voxels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import DBSCAN, HDBSCAN

from pointins_engine.errors import SceneError
from pointins_engine.evaluate.instance_ap import (
    InstanceAp,
    Proposals,
    instance_ap_class_agnostic,
    proposals_from_labels,
)
from pointins_engine.geometry import voxelize
from pointins_engine.types import Scene

FULL_SIZE = 120  # voxels from which on size no longer raises the score


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """A classical method with one choice of parameters."""

    name: str  # of the method; parameters left out
    parameters: str  # as they go into a table
    cluster: Callable[[Float[np.ndarray, "v f"]], Int[np.ndarray, " v"]]
    color_weight: float = 0.0  # metres that the whole range of a colour channel counts as


def _hdbscan(min_size: int, min_samples: int) -> Baseline:
    return Baseline(
        name="HDBSCAN xyz",
        parameters=f"min cluster {min_size}, min samples {min_samples}",
        cluster=HDBSCAN(
            min_cluster_size=min_size,
            min_samples=min_samples,
            copy=True,  # pyright: ignore[reportArgumentType]  # a bool, whatever its stub says
        ).fit_predict,
    )


def _dbscan(radius: float) -> Baseline:
    return Baseline(
        name="DBSCAN xyz",
        parameters=f"radius {radius} m, min samples 4",
        cluster=DBSCAN(eps=radius, min_samples=4).fit_predict,
    )


def _dbscan_color(radius: float, weight: float) -> Baseline:
    return Baseline(
        name="DBSCAN xyz + colour",
        parameters=f"radius {radius} m, colour {weight} m, min samples 4",
        cluster=DBSCAN(eps=radius, min_samples=4).fit_predict,
        color_weight=weight,
    )


def _components(radius: float) -> Baseline:
    return Baseline(
        name="components of raw points",
        parameters=f"radius {radius} m",
        cluster=DBSCAN(eps=radius, min_samples=1).fit_predict,
    )


def grids(grid_size: float) -> dict[str, list[Baseline]]:
    """Methods by name with the parameters that are tried; radii follow the voxel's edge."""
    radii = [round(factor * grid_size, 3) for factor in (1.4, 1.7, 2.2, 2.7, 3.3)]
    found = [
        *(_hdbscan(size, samples) for size in (20, 50, 100) for samples in (4, 10)),
        *(_dbscan(radius) for radius in radii),
        *(_components(radius) for radius in radii),
        *(_dbscan_color(radius, weight) for radius in radii for weight in (0.3, 0.6, 1.0)),
    ]
    return {name: [b for b in found if b.name == name] for name in {b.name: None for b in found}}


def classical_proposals(
    baseline: Baseline, scene: Scene, grid_size: float, *, without_planes: bool
) -> Proposals:
    """What a classical method proposes for the points of a scene.

    It clusters one point a voxel, the resolution that the network sees too; the others take the
    number of their voxel. Larger clusters are surer.

    Args:
        baseline: Method and parameters.
        scene: Coordinates in metres; colours if the method asks for them.
        grid_size: Edge of a voxel in metres.
        without_planes: Leave out floor, walls and ground, as found without labels.

    Raises:
        SceneError: If the method needs colours or planes that the scene lacks.
    """
    if baseline.color_weight and scene.color is None:
        raise SceneError(f"{scene.id} has no colours, and {baseline.name} clusters by colour.")
    if without_planes and scene.is_plane is None:
        raise SceneError(f"{scene.id}: planes were not looked for; open it with open_scenes.")
    _, chosen, voxel = voxelize(scene.coord, grid_size, None)
    taken = np.ones(len(chosen), bool)
    if without_planes and scene.is_plane is not None:
        taken = ~scene.is_plane[chosen]
    columns = [scene.coord[chosen][taken]]
    if baseline.color_weight and scene.color is not None:
        columns.append(scene.color[chosen][taken] / 255 * baseline.color_weight)
    label = np.full(len(chosen), -1, np.int64)
    if taken.sum() >= 2:
        label[taken] = baseline.cluster(np.concatenate(columns, axis=1))
    size = np.bincount(label[label >= 0])
    return proposals_from_labels(label[voxel], np.minimum(1.0, size / FULL_SIZE))


def classical_ap(
    baseline: Baseline, scenes: Sequence[Scene], grid_size: float, *, without_planes: bool
) -> InstanceAp:
    """Class-agnostic AP of a classical method on labelled scenes."""
    proposals = [
        classical_proposals(baseline, scene, grid_size, without_planes=without_planes)
        for scene in scenes
    ]
    return instance_ap_class_agnostic(proposals, [true_instances(scene) for scene in scenes])


def true_instances(scene: Scene) -> Int[np.ndarray, " n"]:
    """The instance labels of a scene that must have some."""
    if scene.instance_label is None:
        raise SceneError(f"{scene.id} has no instance labels; AP needs them.")
    return scene.instance_label


def tuned(
    choices: Sequence[Baseline], scenes: Sequence[Scene], grid_size: float, *, without_planes: bool
) -> Baseline:
    """The choice with the highest AP on development scenes; the first of equals."""
    ap = [
        classical_ap(choice, scenes, grid_size, without_planes=without_planes).ap
        for choice in choices
    ]
    return choices[int(np.argmax(np.nan_to_num(ap, nan=-1.0)))]


def classical_figures(
    development: Sequence[Scene], unseen: Sequence[Scene], grid_size: float
) -> dict[str, dict[str, dict[str, Any]]]:
    """AP of every method on unseen scenes, with the parameters that development scenes chose.

    By method, then `all` points or `without_planes`. Methods that need colours are left out where
    a scene has none.
    """
    has_color = all(scene.color is not None for scene in [*development, *unseen])
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for name, choices in grids(grid_size).items():
        if choices[0].color_weight and not has_color:
            continue
        rows[name] = {}
        for points, without_planes in (("all", False), ("without_planes", True)):
            choice = tuned(choices, development, grid_size, without_planes=without_planes)
            found = classical_ap(choice, unseen, grid_size, without_planes=without_planes)
            rows[name][points] = {**found.figures(), "parameters": choice.parameters}
    return rows

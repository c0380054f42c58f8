"""Parameters of classical methods, chosen on labelled scenes that give no figures. N points.

Lengths are in voxel edges here, so that a choice means the same in scans of another scale.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np

from pointins_engine.baselines.cells import Domain, LabelledCells, labelled_cells
from pointins_engine.baselines.methods import METHODS, Number, cluster
from pointins_engine.evaluate.instance_ap import (
    InstanceAp,
    Proposals,
    instance_ap_class_agnostic,
    proposals_from_labels,
)
from pointins_engine.types import Scene

Planes = Literal["remove", "keep"]
Values = Mapping[str, Number]  # lengths in voxel edges


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """What is tried of a method: every combination, and then the last ones around the best."""

    name: str  # of the row in a table
    method: str
    values: Mapping[str, tuple[Number, ...]]
    then: Mapping[str, tuple[Number, ...]]
    needs_color: bool = False

    def choices(self) -> list[dict[str, Number]]:
        """Every combination, with the first of the last ones."""
        first = {name: tried[0] for name, tried in self.then.items()}
        return [
            {**dict(zip(self.values, c, strict=True)), **first}
            for c in product(*self.values.values())
        ]

    def after(self, best: Values) -> list[dict[str, Number]]:
        """The best combination with every combination of the last ones."""
        return [
            {**best, **dict(zip(self.then, c, strict=True))} for c in product(*self.then.values())
        ]

    def proposals(self, scene: LabelledCells, values: Values, *, planes: Planes) -> Proposals:
        """What the method proposes for the points of a scene."""
        chosen = {
            p.name: values[p.name] * scene.cells.grid_size if p.kind == "length" else values[p.name]
            for p in METHODS[self.method].parameters
            if p.name in values
        }
        found = cluster(self.method, scene.cells, chosen, planes=planes)
        label = found.label(len(scene.cells))[scene.cell_of_point]
        return proposals_from_labels(label, found.score)

    def words(self, values: Values) -> str:
        """Values as they go into a table."""
        return ", ".join(
            f"{p.label.lower()} {values[p.name]:g}{' voxels' if p.kind == 'length' else ''}"
            for p in METHODS[self.method].parameters
            if values.get(p.name, 0) > 0
        )


def _grids(
    radii: tuple[Number, ...],
    bandwidths: tuple[Number, ...],
    reaches: tuple[Number, ...],
    color_metres: tuple[Number, ...],
    hdbscan_sizes: tuple[int, ...],
    sizes: tuple[int, ...],
) -> tuple[Grid, ...]:
    scales = (3.0, 10.0, 30.0, 100.0, 300.0)
    last = {"min_size": sizes}
    grids = (
        Grid(
            name="HDBSCAN xyz",
            method="hdbscan",
            values={"min_size": hdbscan_sizes, "min_samples": (2, 4, 10)},
            then={},
        ),
        Grid(
            name="DBSCAN xyz",
            method="dbscan",
            values={"radius": radii, "color_weight": (0.0,), "min_samples": (4,)},
            then=last,
        ),
        Grid(
            name="DBSCAN xyz + colour",
            method="dbscan",
            values={"radius": radii, "color_weight": color_metres, "min_samples": (4,)},
            then=last,
            needs_color=True,
        ),
        Grid(
            name="graph cut, normals",
            method="felzenszwalb",
            values={"radius": reaches, "scale": scales, "color_weight": (0.0,)},
            then=last,
        ),
        Grid(
            name="graph cut, normals + colour",
            method="felzenszwalb",
            values={"radius": reaches, "scale": scales, "color_weight": (0.3, 0.6)},
            then=last,
            needs_color=True,
        ),
        Grid(
            name="mean shift xyz",
            method="mean_shift",
            values={"bandwidth": bandwidths},
            then=last,
        ),
        Grid(name="components", method="components", values={"radius": radii}, then=last),
    )
    return tuple(grid for grid in grids if color_metres or not grid.needs_color)


GRIDS: dict[Domain, tuple[Grid, ...]] = {
    "indoor": _grids(
        radii=(1.2, 1.4, 1.7, 2.2, 2.7),
        bandwidths=(4.0, 6.0, 7.5, 9.0, 11.0, 14.0),
        reaches=(1.8, 2.5),
        color_metres=(5.0, 10.0, 17.0),
        hdbscan_sizes=(20, 50),
        sizes=(10, 20, 40, 80),
    ),
    "outdoor": _grids(
        radii=(1.8, 2.5, 3.5, 5.0, 7.0),
        bandwidths=(4.0, 7.0, 9.0, 11.0, 16.0),
        reaches=(2.5, 5.0),
        color_metres=(),
        hdbscan_sizes=(5, 10, 20),
        sizes=(3, 5, 10, 20),
    ),
}


def classical_ap(
    grid: Grid, scenes: Sequence[LabelledCells], values: Values, *, planes: Planes
) -> InstanceAp:
    """Class-agnostic AP of a method on labelled scenes."""
    found = [grid.proposals(scene, values, planes=planes) for scene in scenes]
    return instance_ap_class_agnostic(found, [scene.instance_label for scene in scenes])


def tuned(grid: Grid, measure: Callable[[Values], float]) -> dict[str, Number]:
    """The values with the largest measure; the first of equals, NaN last."""

    def best(choices: list[dict[str, Number]]) -> dict[str, Number]:
        if len(choices) == 1:
            return choices[0]
        found = [measure(values) for values in choices]
        return choices[int(np.argmax(np.nan_to_num(found, nan=-np.inf)))]

    return best(grid.after(best(grid.choices())))


def classical_figures(
    development: Sequence[Scene], unseen: Sequence[Scene], grid_size: float, domain: Domain
) -> dict[str, dict[str, dict[str, Any]]]:
    """AP of every method on unseen scenes, with the values that development scenes chose.

    By row, then `all` points or `without_planes`. Rows that need colours are left out where a
    scene has none.
    """
    has_color = all(scene.color is not None for scene in [*development, *unseen])
    known = [labelled_cells(scene, grid_size, domain) for scene in development]
    asked = [labelled_cells(scene, grid_size, domain) for scene in unseen]
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for grid in GRIDS[domain]:
        if grid.needs_color and not has_color:
            continue
        rows[grid.name] = {
            "all": _figures(grid, known, asked, "keep"),
            "without_planes": _figures(grid, known, asked, "remove"),
        }
    return rows


def _figures(
    grid: Grid, known: Sequence[LabelledCells], asked: Sequence[LabelledCells], planes: Planes
) -> dict[str, Any]:
    values = tuned(grid, lambda values: classical_ap(grid, known, values, planes=planes).ap)
    found = classical_ap(grid, asked, values, planes=planes)
    return {**found.figures(), "parameters": grid.words(values)}

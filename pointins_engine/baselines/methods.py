"""The classical methods by name: what they do, their parameters, and one call for all of them.

The studio imports this to offer them, so scikit-learn is imported where it is used. M cells.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from pointins_engine.baselines.cells import CellCloud, Domain
from pointins_engine.baselines.graph_cut import cell_graph, cut_graph
from pointins_engine.baselines.mean_shift import mean_shift
from pointins_engine.errors import ConfigError, SceneError
from pointins_engine.segment import Instances

FULL_SIZE = 120  # cells from which on size no longer raises the score

Number = int | float
Values = Mapping[str, Number]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A number of a method. What nobody chose is what the simulated development scenes chose."""

    name: str
    label: str
    meaning: str
    indoor: Number  # a length: in voxel edges
    outdoor: Number
    minimum: Number
    maximum: Number
    kind: Literal["length", "count", "number"] = "count"

    def automatic(self, domain: Domain, grid_size: float) -> Number:
        """What is used where nobody chose; a length in metres."""
        value = self.indoor if domain == "indoor" else self.outdoor
        return round(value * grid_size, 4) if self.kind == "length" else value

    def checked(self, value: object, method: str) -> Number:
        """A number that a person gave, or words why it cannot be."""
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise ConfigError(f"{method}: {self.name} must be a number, got {value!r}.")
        if self.kind == "count" and not float(value).is_integer():
            raise ConfigError(f"{method}: {self.name} must be a whole number, got {value!r}.")
        if not self.minimum <= value <= self.maximum:
            raise ConfigError(
                f"{method}: {self.name} must be in {self.minimum:g}..{self.maximum:g}"
                f"{' metres' if self.kind == 'length' else ''}, got {value!r}."
            )
        return int(value) if self.kind == "count" else float(value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """A classical method."""

    name: str
    label: str
    summary: str
    parameters: tuple[Parameter, ...]
    find: Callable[[CellCloud, Values], Int[np.ndarray, " m"]]  # -1 = none
    max_cells: int = 5_000_000  # more would take memory or hours
    needs: tuple[str, ...] = ()  # what a scan must have

    def describe(self, domain: Domain, grid_size: float, *, has_color: bool) -> dict[str, Any]:
        """What a page needs to offer the method for a scan, as JSON takes it."""
        return {
            "method": self.name,
            "label": self.label,
            "summary": self.summary,
            "needs": list(self.needs),
            "parameters": [
                {
                    "name": p.name,
                    "label": p.label,
                    "meaning": p.meaning,
                    "unit": "m" if p.kind == "length" else "",
                    "default": p.automatic(domain, grid_size),
                    "minimum": p.minimum,
                    "maximum": p.maximum,
                    "integer": p.kind == "count",
                }
                for p in self.parameters
                if has_color or p.name != "color_weight"
            ],
        }


def _count(name: str, label: str, meaning: str, indoor: int, outdoor: int, least: int) -> Parameter:
    return Parameter(
        name=name,
        label=label,
        meaning=meaning,
        indoor=indoor,
        outdoor=outdoor,
        minimum=least,
        maximum=100_000,
    )


def _length(name: str, label: str, meaning: str, indoor: Number, outdoor: Number) -> Parameter:
    return Parameter(
        name=name,
        label=label,
        meaning=meaning,
        indoor=indoor,
        outdoor=outdoor,
        minimum=1e-4,
        maximum=1_000.0,
        kind="length",
    )


def _color_weight(meaning: str, indoor: Number, kind: Literal["length", "number"]) -> Parameter:
    return Parameter(
        name="color_weight",
        label="Colour weight",
        meaning=meaning,
        indoor=indoor,
        outdoor=0.0,
        minimum=0.0,
        maximum=1_000.0,
        kind=kind,
    )


def _min_size(indoor: int, outdoor: int) -> Parameter:
    return _count(
        "min_size", "Minimum size", "Cells that an instance has at least.", indoor, outdoor, 1
    )


def _hdbscan(cells: CellCloud, values: Values) -> Int[np.ndarray, " m"]:
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(
        min_cluster_size=min(int(values["min_size"]), len(cells)),
        min_samples=min(int(values["min_samples"]), len(cells)),
        copy=True,  # pyright: ignore[reportArgumentType]  # a bool, whatever its stub says
    ).fit_predict(cells.coord)


def _dbscan(cells: CellCloud, values: Values) -> Int[np.ndarray, " m"]:
    place = _with_color(cells, values["color_weight"])
    return _dbscan_of(place, values["radius"], int(values["min_samples"]))


def _components(cells: CellCloud, values: Values) -> Int[np.ndarray, " m"]:
    return _dbscan_of(cells.coord, values["radius"], 1)


def _dbscan_of(
    place: Float[np.ndarray, "m f"], radius: Number, min_samples: int
) -> Int[np.ndarray, " m"]:
    from sklearn.cluster import DBSCAN

    return DBSCAN(eps=radius, min_samples=min_samples).fit_predict(place)


def _felzenszwalb(cells: CellCloud, values: Values) -> Int[np.ndarray, " m"]:
    edge, weight = cell_graph(cells, values["radius"], values["color_weight"])
    size = int(values["min_size"])
    return cut_graph(edge, weight, len(cells), scale=values["scale"], min_size=size)


def _mean_shift(cells: CellCloud, values: Values) -> Int[np.ndarray, " m"]:
    return mean_shift(cells.coord, values["bandwidth"])


def _with_color(cells: CellCloud, weight: Number) -> Float[np.ndarray, "m f"]:
    if weight == 0 or cells.color is None:
        return cells.coord
    return np.concatenate([cells.coord, cells.color * weight], axis=1)


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="hdbscan",
            label="HDBSCAN",
            summary="Clusters of positions by density, at the densities where they last longest.",
            parameters=(
                _min_size(20, 10),
                _count(
                    "min_samples",
                    "Neighbours of a core",
                    "The larger, the more counts as noise.",
                    2,
                    4,
                    1,
                ),
            ),
            find=_hdbscan,
            max_cells=150_000,  # its spanning tree takes time with the square of the cells
        ),
        Method(
            name="dbscan",
            label="DBSCAN",
            summary="Clusters of positions and colours at one density.",
            parameters=(
                _length("radius", "Radius", "Cells nearer than this are neighbours.", 2.2, 5.0),
                _color_weight(
                    "Metres that the whole range of a colour channel counts as; 0 = positions "
                    "only.",
                    5.0,
                    "length",
                ),
                _count(
                    "min_samples", "Neighbours of a core", "A core has this many in reach.", 4, 4, 1
                ),
                _min_size(20, 5),
            ),
            find=_dbscan,
        ),
        Method(
            name="components",
            label="Connected components",
            summary="What hangs together in space.",
            parameters=(
                _length("radius", "Radius", "Cells nearer than this hang together.", 1.4, 5.0),
                _min_size(40, 5),
            ),
            find=_components,
        ),
        Method(
            name="felzenszwalb",
            label="Graph cut (Felzenszwalb)",
            summary="Neighbours with like normals and colours merge while their segments are even.",
            parameters=(
                _length("radius", "Radius", "Cells nearer than this are neighbours.", 1.8, 5.0),
                Parameter(
                    name="scale",
                    label="Scale",
                    meaning="The larger, the larger the segments.",
                    indoor=100.0,
                    outdoor=30.0,
                    minimum=0.0,
                    maximum=1e6,
                    kind="number",
                ),
                _color_weight(
                    "What black against white counts as, beside 1 for a right angle.", 0.3, "number"
                ),
                _min_size(20, 5),
            ),
            find=_felzenszwalb,
        ),
        Method(
            name="mean_shift",
            label="Mean shift",
            summary="Each cell belongs to the hill of density that stands nearest.",
            parameters=(
                _length("bandwidth", "Bandwidth", "Radius within which means are taken.", 9.0, 9.0),
                _min_size(20, 3),
            ),
            find=_mean_shift,
            max_cells=1_000_000,
        ),
    )
}


def cluster(
    method: str,
    cells: CellCloud,
    values: Mapping[str, Any] | None = None,
    *,
    planes: Literal["remove", "keep"] = "remove",
) -> Instances:
    """Instances of a scan as a classical method finds them; the larger, the surer.

    Args:
        method: A key of `METHODS`.
        cells: Cells of the scan.
        values: Parameters by name, lengths in metres; missing or None = chosen for the scan.
        planes: Whether floor, walls and ground take part.

    Returns:
        Rows of cells, none in two instances, with score = min(1, cells / 120).

    Raises:
        ConfigError: If there is no such method or parameter, or a value is out of its range.
        SceneError: If the scan lacks what the method needs, or has too many cells for it.
    """
    chosen = resolved(method, cells, values)
    rows = np.arange(len(cells))
    if planes == "remove":
        cells, rows = cells.without_planes()
    known = METHODS[method]
    if len(cells) > known.max_cells:
        raise SceneError(
            f"{known.label} takes at most {known.max_cells:,} cells, and this scan has "
            f"{len(cells):,}; use another method, or cut the scan into parts."
        )
    if len(cells) < 2:
        return Instances(rows=[], score=np.zeros(0))
    label = known.find(cells, chosen)
    size = np.bincount(label[label >= 0])
    order = np.argsort(-size, kind="stable")
    order = order[size[order] >= max(1, chosen["min_size"])]
    sorted_rows = np.argsort(label, kind="stable")
    ends = np.searchsorted(label[sorted_rows], np.arange(len(size) + 1))
    return Instances(
        rows=[rows[sorted_rows[ends[k] : ends[k + 1]]] for k in order],
        score=np.minimum(1.0, size[order] / FULL_SIZE),
    )


def resolved(
    method: str, cells: CellCloud, values: Mapping[str, Any] | None = None
) -> dict[str, Number]:
    """All parameters of a method for a scan: what is given, and for the rest what is automatic.

    Raises:
        ConfigError: As `cluster`.
        SceneError: If colours are asked for and missing.
    """
    if method not in METHODS:
        raise ConfigError(f"no method is called {method!r}; there are: {', '.join(METHODS)}.")
    known = METHODS[method]
    given = {name: value for name, value in (values or {}).items() if value is not None}
    if unknown := set(given) - {p.name for p in known.parameters}:
        raise ConfigError(
            f"{method} has no parameter {sorted(unknown)[0]!r}; it has: "
            f"{', '.join(p.name for p in known.parameters)}."
        )
    domain, found = cells.known_domain(), {}
    for p in known.parameters:
        if p.name in given:
            found[p.name] = p.checked(given[p.name], method)
        elif p.name == "color_weight" and cells.color is None:
            found[p.name] = 0.0
        else:
            found[p.name] = p.automatic(domain, cells.grid_size)
    if found.get("color_weight", 0.0) > 0 and cells.color is None:
        raise SceneError(
            f"{method} was asked to look at colours, and the scan has none; leave color_weight out."
        )
    return found

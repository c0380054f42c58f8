"""Offsets that a scene itself tells of: of labelled objects, or of clusters found without labels.

NumPy; scikit-learn is imported when clusters are looked for. Offsets are metres, from a cell of
the scene to the centre of its object. N cells, K objects.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import KDTree

from pointins_engine.errors import SceneError
from pointins_engine.types import Scene

Domain = Literal["indoor", "outdoor"]

CELLS_PER_LOSS_CELL = 2  # along an edge; on the loss stage's own cells touching furniture merges
MIN_CLUSTER_SIZE = 50  # cells: 0.08 m2 of surface at 4 cm; smaller clusters are crumbs of noise
MIN_SAMPLES = 5  # cells around a cell of a dense region
MAX_CELLS = 20_000  # of one scene; HDBSCAN's time grows faster than linearly
MIN_OBJECT_SIZE = 10  # cells that a labelled object has at least
# Metres; longer clusters are things that stand close together, hedges and rows of houses.
MAX_LENGTH: dict[Domain, float] = {"indoor": 2.5, "outdoor": 10.0}  # level: a bed, a lorry
# Outdoor, metres: what moves on streets.
MAX_WIDTH = 3.0  # level, across
MAX_TOP = 4.5  # above the ground: a lorry, and no tree
MAX_BOTTOM = 0.8  # above the ground: what hangs higher does not stand
# Indoors these classes have no centre to point to; some datasets number them all the same.
STUFF = frozenset({"wall", "floor", "ceiling"})


def labelled_offsets(scene: Scene, cell_size: float) -> Float[np.ndarray, "n 3"]:
    """Offsets in metres of the cells of labelled objects; walls, floors and stuff are left out.

    Points of an object are thinned to their mean in each cell, and its centre is the mean of its
    cells, so that what is scanned densely counts no more than the rest.

    Args:
        scene: A labelled scene.
        cell_size: Edge in metres of a cell of the loss stage.

    Raises:
        SceneError: If the scene has no instance labels.
    """
    if scene.instance_label is None:
        raise SceneError(
            f"scene {scene.id} has no instance labels, and offsets of labelled objects were asked "
            "for. Use --method hdbscan, which needs none."
        )
    is_thing = scene.instance_label >= 0
    if scene.semantic_label is not None:
        stuff = [index for index, name in enumerate(scene.class_names) if name in STUFF]
        is_thing &= ~np.isin(scene.semantic_label, stuff)
    if not is_thing.any():
        return np.empty((0, 3))
    coord = scene.coord[is_thing].astype(np.float64)
    thing = np.unique(scene.instance_label[is_thing], return_inverse=True)[1]
    cell, first = _cell_means(coord, cell_size, thing)
    thing = thing[first]
    is_large = np.bincount(thing)[thing] >= MIN_OBJECT_SIZE
    return (_group_means(cell, thing)[thing] - cell)[is_large]


def label_free_offsets(
    scene: Scene, cell_size: float, domain: Domain, rng: np.random.Generator
) -> Float[np.ndarray, "n 3"]:
    """Offsets in metres of the cells of clusters that may be things, found without labels.

    HDBSCAN looks at what is no plane. Clusters longer than a bed (indoors) or larger than a lorry
    (outdoors, where things also stand on the ground) are left out: they are things that touch, and
    hedges, houses and crowns of trees.

    Args:
        scene: A scene whose planes are known: with floor and walls left in, what stands on them
            joins them, and the mean triples.
        cell_size: Edge in metres of a cell of the loss stage.
        domain: Which sizes things have.
        rng: Chooses the part of a large scene.

    Raises:
        SceneError: If the scene's planes are not known.

    Source:
        PointINS Tab. 5 ("HDBSCAN"), whose settings are not given; ours were chosen on simulated
        scenes (docs/priors.md).
    """
    if scene.is_plane is None:
        raise SceneError(
            f"the planes of scene {scene.id} are not known; take it from `open_scenes`, which "
            "finds them."
        )
    found = find_clusters(scene.coord[~scene.is_plane], cell_size, rng)
    if len(found.cell) == 0:
        return found.offset()
    is_thing = _has_a_things_size(found, domain, scene.coord[scene.is_plane])
    return found.offset()[is_thing[found.label]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Clusters:
    """Cells in clusters: K clusters of N cells."""

    cell: Float[np.ndarray, "n 3"]  # metres
    label: Int[np.ndarray, " n"]  # 0..K-1

    def centre(self) -> Float[np.ndarray, "k 3"]:
        """Mean of each cluster's cells in metres."""
        return _group_means(self.cell, self.label)

    def offset(self) -> Float[np.ndarray, "n 3"]:
        """From each cell to the centre of its cluster, metres."""
        return self.centre()[self.label] - self.cell


def find_clusters(
    coord: Float[np.ndarray, "n 3"], cell_size: float, rng: np.random.Generator
) -> Clusters:
    """Clusters that HDBSCAN finds among points, noise left out.

    Points are thinned to one a cell, at half of `cell_size`. Of a scene with more than `MAX_CELLS`
    cells, the part around a random cell is used: thinning it evenly would change the density that
    HDBSCAN goes by.

    Args:
        coord: Points in metres.
        cell_size: Edge in metres of a cell of the loss stage.
        rng: Chooses the part of a large scene.
    """
    cell = _cell_means(coord.astype(np.float64), cell_size / CELLS_PER_LOSS_CELL)[0]
    cell = _crop(cell, rng)
    if len(cell) < MIN_CLUSTER_SIZE:
        return Clusters(cell=np.empty((0, 3)), label=np.empty(0, np.int64))
    from sklearn.cluster import HDBSCAN

    clusterer = HDBSCAN(
        min_cluster_size=MIN_CLUSTER_SIZE,
        min_samples=MIN_SAMPLES,
        copy=True,  # type: ignore[arg-type]  # the stub says str
    )
    label = clusterer.fit_predict(cell)
    return Clusters(cell=cell[label >= 0], label=label[label >= 0])


def _has_a_things_size(
    found: Clusters, domain: Domain, ground: Float[np.ndarray, "g 3"]
) -> Bool[np.ndarray, " k"]:
    """Which clusters are no longer than a thing and, outdoors, stand on the ground like one."""
    cell, label, centre = found.cell, found.label, found.centre()
    level = cell[:, :2] - centre[label, :2]
    products = (level[:, :, None] * level[:, None, :]).reshape(-1, 4)
    axes = np.linalg.eigh(_group_means(products, label).reshape(-1, 2, 2))[1]  # (K, 2, 2)
    along = np.einsum("nj,nja->na", level, axes[label])  # (N, 2): across, along
    bounds = np.concatenate([along, cell[:, 2:]], axis=1)
    low = np.full((len(centre), 3), np.inf)
    high = -low
    np.minimum.at(low, label, bounds)
    np.maximum.at(high, label, bounds)
    width, length, _ = (high - low).T
    is_short = np.maximum(length, width) <= MAX_LENGTH[domain]
    if domain == "indoor":
        return is_short
    foot = low[:, 2]
    if len(ground):
        foot = ground[KDTree(ground[:, :2]).query(centre[:, :2])[1], 2]
    stands = (high[:, 2] - foot <= MAX_TOP) & (low[:, 2] - foot <= MAX_BOTTOM)
    return is_short & (width <= MAX_WIDTH) & stands


def _cell_means(
    coord: Float[np.ndarray, "n 3"], cell_size: float, group: Int[np.ndarray, " n"] | None = None
) -> tuple[Float[np.ndarray, "m 3"], Int[np.ndarray, " m"]]:
    """Mean of the points in each cell, and the first point of each; groups share no cell."""
    if len(coord) == 0:
        return np.empty((0, 3)), np.empty(0, np.int64)
    index = np.floor((coord - coord.min(0)) / cell_size).astype(np.int64)
    extent = index.max(0) + 1
    key = (index[:, 0] * extent[1] + index[:, 1]) * extent[2] + index[:, 2]
    if group is not None:
        key = key * (group.max() + 1) + group
    _, first, cell = np.unique(key, return_index=True, return_inverse=True)
    return _group_means(coord, cell), first


def _group_means(
    values: Float[np.ndarray, "n c"], group: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "k c"]:
    total = np.stack([np.bincount(group, weights=column) for column in values.T], axis=1)
    return total / np.bincount(group)[:, None]


def _crop(cell: Float[np.ndarray, "n 3"], rng: np.random.Generator) -> Float[np.ndarray, "m 3"]:
    if len(cell) <= MAX_CELLS:
        return cell
    distance = np.linalg.norm(cell - cell[rng.integers(len(cell))], axis=1)
    return cell[np.argpartition(distance, MAX_CELLS)[:MAX_CELLS]]

"""Clouds too large for memory, cut into overlapping tiles, and what was said of the tiles merged.

Every point is in the core of exactly one tile. A tile also holds the points within `overlap` of its
core, so that what is said of a core point rests on all that is near it, and instances that go on in
the next tile are seen by both. N points in all, K of them in a tile.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int64, Shaped
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pointins_engine.errors import SceneError
from pointins_engine.types import Scene

Array = np.ndarray

PER_POINT = (
    "coord",
    "color",
    "normal",
    "intensity",
    "semantic_label",
    "instance_label",
    "is_plane",
)
_OVERLAPS = (2.0, 1.0, 0.5, 0.25, 0.0)  # metres: a chair is whole, down to none in dense scans
_MIN_CORE = 0.1  # of the budget: a tile that is mostly halo repeats work


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """Rows of a cloud: a core, and the halo around it."""

    rows: Int64[Array, " k"]  # rising
    is_core: Bool[Array, " k"]


def tiles(coord: Float[Array, "n 3"], max_points: int, overlap: float) -> Iterator[Tile]:
    """Cut a cloud into tiles of at most `max_points`, halo included, seen from above.

    The cloud is halved by count along its longer side until the parts fit, so dense places get
    small tiles and all tiles have about the same size. Memory stays that of a few index lists.

    Args:
        coord: Positions in metres.
        max_points: Of a tile.
        overlap: Metres. Every point within this distance of a core point is in the tile.

    Raises:
        SceneError: If a halo alone would take nine tenths of a tile; names what to change.
    """
    if max_points < 1 or overlap < 0:
        raise SceneError(
            f"tiles of {max_points} points with {overlap} m of overlap are not possible; at least "
            "one point and no negative overlap are needed."
        )
    plan = coord[:, :2].astype(np.float64)
    everything = np.arange(len(plan))
    waiting = [(everything, everything)] if len(plan) else []  # core, and what may be near it
    while waiting:
        core, near = waiting.pop()
        low, high = plan[core].min(axis=0), plan[core].max(axis=0)
        around = plan[near]
        near = near[((around >= low - overlap) & (around <= high + overlap)).all(axis=1)]
        if len(near) <= max_points:
            yield Tile(rows=near, is_core=np.isin(near, core, assume_unique=True))
            continue
        if len(core) <= _MIN_CORE * max_points:
            raise SceneError(
                f"a tile with {len(core):,} points of its own needs {len(near):,} to reach "
                f"{overlap:g} m around them, and {max_points:,} may be in it. Choose a smaller "
                "overlap or a larger tile, or thin the scan first."
            )
        along = plan[core, int((high - low).argmax())]
        order = np.argpartition(along, len(core) // 2)
        for part in (order[: len(core) // 2], order[len(core) // 2 :]):
            waiting.append((np.sort(core[part]), near))


def merge_values(num_points: int, parts: Iterable[tuple[Tile, Array]]) -> Shaped[Array, "n *c"]:
    """Values of points (features, offsets, ...) of a whole cloud: each from the tile of its core.

    Args:
        num_points: Of the cloud.
        parts: Each tile with the (K, ...) values of its rows, in any order; one is in memory at a
            time.
    """
    merged: Array | None = None
    for tile, values in parts:
        if merged is None:
            merged = np.zeros((num_points, *values.shape[1:]), values.dtype)
        merged[tile.rows[tile.is_core]] = values[tile.is_core]
    if merged is None:
        raise SceneError("there are no tiles to merge.")
    return merged


def merge_instances(
    num_points: int,
    parts: Iterable[tuple[Tile, Array]],
    min_iou: float = 0.5,
) -> Int64[Array, " n"]:
    """Instance ids of a whole cloud from those of its tiles.

    Two instances of two tiles are one if they agree where the tiles overlap: their intersection
    over union there exceeds `min_iou`. What agrees in a chain is one too, so a wall over ten tiles
    is. Instances that only touch share no points and stay apart. An instance in pieces that lie
    farther from each other than the overlap may come back in as many pieces.

    Args:
        num_points: Of the cloud.
        parts: Each tile with the (K,) instances of its rows (-1 = none), in any order; ids count
            within a tile only.
        min_iou: Agreement that is needed, 0.5 or more, so that nothing agrees with two others.

    Returns:
        Ids 0, 1, ... in the order of their first point, -1 = none. Memory goes with the points and
        the halos, not with the number of tiles.
    """
    owner = np.full(num_points, -1)  # tile whose core holds the point
    core_id = np.full(num_points, -1)  # instance there, unique over tiles
    halos: list[tuple[Array, Array]] = []  # rows and instance or -1, a tile at a time
    tile_of: list[int] = []  # tile of each instance
    for number, (tile, label) in enumerate(parts):
        names, place = np.unique(label[label >= 0], return_inverse=True)
        ids = np.full(len(label), -1)
        ids[label >= 0] = place + len(tile_of)
        tile_of += [number] * len(names)
        core, halo = tile.is_core, ~tile.is_core
        owner[tile.rows[core]] = number
        core_id[tile.rows[core]] = ids[core]
        halos.append((tile.rows[halo], ids[halo]))
    links = _agreeing(owner, core_id, halos, np.array(tile_of, np.int64), min_iou)
    graph = coo_array((np.ones(len(links)), links.T), shape=(len(tile_of), len(tile_of)))
    group = connected_components(graph, directed=False)[1].astype(np.int64)
    merged = np.where(core_id >= 0, np.append(group, -1)[core_id], -1)
    return _by_first_point(merged)


def _agreeing(
    owner: Int64[Array, " n"],
    core_id: Int64[Array, " n"],
    halos: list[tuple[Array, Array]],
    tile_of: Int64[Array, " i"],
    min_iou: float,
) -> Int64[Array, "l 2"]:
    """Pairs of instances of two tiles that agree where one has its core and the other its halo."""
    num_tiles = len(halos)
    pairs, shared, sizes = [], [], []
    for number, (rows, ids) in enumerate(halos):
        theirs, their_tile = core_id[rows], owner[rows]
        both = (ids >= 0) & (theirs >= 0)
        pair, count = np.unique(
            np.stack([ids[both], theirs[both]], axis=1), axis=0, return_counts=True
        )
        pairs.append(np.sort(pair, axis=1))
        shared.append(count)
        # Points of each instance in the overlap of its tile with another one.
        for instance, other in ((ids, their_tile), (theirs, np.full(len(rows), number))):
            known = instance >= 0
            sizes.append(instance[known] * num_tiles + other[known])
    if not sum(map(len, pairs)):
        return np.zeros((0, 2), np.int64)
    pair, inverse = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    intersection = np.bincount(inverse.ravel(), np.concatenate(shared))
    key, size = np.unique(np.concatenate(sizes), return_counts=True)
    first, second = pair.T
    seen = size[np.searchsorted(key, first * num_tiles + tile_of[second])]
    seen = seen + size[np.searchsorted(key, second * num_tiles + tile_of[first])]
    return pair[intersection > min_iou * (seen - intersection)]


def _by_first_point(label: Int64[Array, " n"]) -> Int64[Array, " n"]:
    """Ids 0, 1, ... in the order in which they first appear; -1 stays."""
    known = label >= 0
    names, first, place = np.unique(label[known], return_index=True, return_inverse=True)
    rank = np.empty(len(names), np.int64)
    rank[np.argsort(first)] = np.arange(len(names))
    renamed = np.full(len(label), -1)
    renamed[known] = rank[place]
    return renamed


def plan_tiles(coord: Float[Array, "n 3"], max_points: int) -> list[Int64[Array, " k"]]:
    """Rows of each tile of a scan that is trained on in parts, halos included.

    The overlap is 2 m if the budget allows, else less: what stands on a border is then whole in one
    of the tiles, and no tile is much larger than its core.
    """
    for overlap in _OVERLAPS[:-1]:
        try:
            return [tile.rows for tile in tiles(coord, max_points, overlap)]
        except SceneError:
            continue
    return [tile.rows for tile in tiles(coord, max_points, _OVERLAPS[-1])]


def take(scene: Scene, rows: Shaped[Array, " k"], id: str) -> Scene:
    """Some points of a scene, by row or by mask, with all that is known of them."""
    columns = {name: getattr(scene, name) for name in PER_POINT}
    kept = {name: column[rows] for name, column in columns.items() if column is not None}
    return replace(scene, id=id, num_dropped=0, **kept)

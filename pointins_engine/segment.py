"""Instances read out of votes, without labels. N points (voxels or cells) of one scene.

A vote is a point's position plus its offset. NumPy and SciPy; nothing here knows of networks.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_array, csgraph, csr_array
from scipy.spatial import KDTree

from pointins_engine.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadOut:
    """How votes become instances.

    With one radius and no cores this is the paper's read-out: breadth-first search over votes.
    """

    radii: tuple[float, ...]  # metres, rising: at each, votes nearer than it hang together
    color_weight: float = 0.0  # metres between votes that a colour channel's whole range counts as
    core_neighbours: int = 2  # a core has this many votes within the radius; only cores link
    num_neighbours: int = 32  # nearest votes that a vote may link to
    min_size: int = 10  # points of an instance at least
    full_size: int = 120  # points from which on size no longer lowers the score
    max_overlap: float = 0.4  # IoU above which the less sure of two instances is dropped

    def __post_init__(self) -> None:
        if not self.radii or any(radius <= 0 for radius in self.radii):
            raise ConfigError(f"radii must be one or more lengths > 0 metres, got {self.radii}.")
        if not 0 <= self.core_neighbours <= self.num_neighbours:
            raise ConfigError(
                f"core_neighbours must be in 0..num_neighbours ({self.num_neighbours}), got "
                f"{self.core_neighbours}."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Instances:
    """Instances of one scene, the surest first; they may lie in each other."""

    rows: list[Int[np.ndarray, " _"]]  # points of each
    score: Float[np.ndarray, " k"]  # 0..1

    def label(self, num_points: int) -> Int[np.ndarray, " n"]:
        """One instance a point, the surest that holds it; -1 = none."""
        label = np.full(num_points, -1)
        for number in reversed(range(len(self.rows))):
            label[self.rows[number]] = number
        return label


def instances_from_votes(
    coord: Float[np.ndarray, "n 3"],
    offset: Float[np.ndarray, "n 3"],
    config: ReadOut,
    *,
    color: Float[np.ndarray, "n 3"] | None = None,
    left_out: Bool[np.ndarray, " n"] | None = None,
) -> Instances:
    """Find what hangs together among the votes of one scene, at several radii at once.

    At each radius votes are grouped by density. No radius fits a chair and a bed alike, so the
    groups of all radii compete: a group is surer the better it survives a change of the radius,
    and where two are nearly the same the surer one stays.

    Args:
        coord: Positions in metres.
        offset: Offsets in metres, same frame.
        config: Radii and the rest.
        color: 0..1; used if `config.color_weight` is above 0.
        left_out: Points that take no part, for example planes found without labels.

    Returns:
        Instances with score = mean over radii of the best IoU with a group of that radius, times
        min(1, size / full_size).

    Raises:
        ConfigError: If colours are asked for and missing.

    Source:
        PointINS App. C groups votes by breadth-first search at one radius and gives no score;
        several radii, cores, colour and score are ours.
    """
    taken = np.arange(len(coord)) if left_out is None else np.flatnonzero(~left_out)
    place = (coord[taken] + offset[taken]).astype(np.float64)
    if config.color_weight > 0:
        if color is None:
            raise ConfigError("color_weight is above 0, but the scene has no colour; set it to 0.")
        place = np.concatenate([place, config.color_weight * color[taken]], axis=1)
    members, radius_of = _groups_at_all_radii(place, config)  # (N', G) one-hot, (G,)
    if len(radius_of) == 0:
        return Instances(rows=[], score=np.zeros(0))
    size = np.asarray(members.sum(axis=0))
    shared = (members.T @ members).toarray()
    iou = shared / (size[:, None] + size - shared)
    survival = np.mean(
        [iou[:, radius_of == number].max(axis=1, initial=0) for number in range(len(config.radii))],
        axis=0,
    )
    score = survival * np.minimum(1, size / config.full_size)
    kept: list[int] = []
    for group in np.argsort(-score, kind="stable"):
        if not kept or iou[group, kept].max() <= config.max_overlap:
            kept.append(int(group))
    columns = members.tocsc()
    return Instances(
        rows=[taken[columns.indices[columns.indptr[g] : columns.indptr[g + 1]]] for g in kept],
        score=score[kept],
    )


def _groups_at_all_radii(
    place: Float[np.ndarray, "n d"], config: ReadOut
) -> tuple[csr_array, Int[np.ndarray, " g"]]:
    """Groups of at least `min_size` as columns of ones, and the number of the radius of each."""
    count = len(place)
    if count < 2:
        return csr_array((count, 0)), np.zeros(0, np.int64)
    near = min(config.num_neighbours, count - 1) + 1
    length, neighbour = KDTree(place).query(place, k=near, distance_upper_bound=config.radii[-1])
    rows, columns, radius_of, first = [], [], [], 0
    for number, radius in enumerate(config.radii):
        group = _groups(np.asarray(length), np.asarray(neighbour), radius, config.core_neighbours)
        grouped = np.flatnonzero(group >= 0)
        size = np.bincount(group[grouped])
        column = np.where(size >= config.min_size, np.cumsum(size >= config.min_size) - 1, -1)
        grouped = grouped[column[group[grouped]] >= 0]
        rows.append(grouped)
        columns.append(first + column[group[grouped]])
        radius_of += [number] * int((size >= config.min_size).sum())
        first = len(radius_of)
    row, column = np.concatenate(rows), np.concatenate(columns)
    return csr_array((np.ones(len(row)), (row, column)), shape=(count, first)), np.array(
        radius_of, np.int64
    )


def _groups(
    length: Float[np.ndarray, "n k"],
    neighbour: Int[np.ndarray, "n k"],
    radius: float,
    core_neighbours: int,
) -> Int[np.ndarray, " n"]:
    """Group of each point at one radius, -1 = none; the first column is the point itself."""
    count = len(length)
    within = length <= radius
    is_core = within.sum(axis=1) > core_neighbours
    links = within & is_core[:, None]
    source, place = np.nonzero(links)
    target = neighbour[source, place]
    linked = is_core[target]
    graph = coo_array(
        (np.ones(int(linked.sum()), np.int8), (source[linked], target[linked])),
        shape=(count, count),
    )
    group = csgraph.connected_components(graph.tocsr(), directed=False)[1].astype(np.int64)
    group[~is_core] = -1
    joins = within & np.append(is_core, False)[neighbour]  # a row without neighbour points past
    joins &= ~is_core[:, None]
    joining = np.flatnonzero(joins.any(axis=1))
    group[joining] = group[neighbour[joining, joins[joining].argmax(axis=1)]]
    return group

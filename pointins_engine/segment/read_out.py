"""Instances read out of votes, without labels. N points (voxels or cells) of one scene, G groups.

A vote is a point's position plus its offset. NumPy and SciPy; nothing here knows of networks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array
from scipy.spatial import KDTree

from pointins_engine.errors import ConfigError
from pointins_engine.segment.bends import bends, stretched
from pointins_engine.segment.candidates import Links, groups_at_all_radii, nearest_links
from pointins_engine.segment.mean_shift import mean_shift
from pointins_engine.segment.scores import overlaps, scored
from pointins_engine.segment.selection import best_apart


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadOut:
    """How votes become instances.

    With one radius, one share and no cores this is the paper's read-out: breadth-first search over
    votes.
    """

    radii: tuple[float, ...]  # metres, rising: at each, points nearer than it hang together
    shares: tuple[float, ...] = (1.0,)  # of its offset that a point moves by: 0 stays, 1 votes
    color_weights: tuple[float, ...] = (0.0,)  # metres that a colour channel's range counts as
    bend_weights: tuple[float, ...] = (0.0,)  # parts of itself that a link counts as longer where
    # the surface bends inwards by a right angle; not together with colour
    shift_radius: float = 0.0  # metres: kernel of mean-shift on the moved points, 0 = none
    shift_rounds: int = 3  # of mean-shift
    core_neighbours: int = 2  # a core has this many others within the radius; only cores link
    num_neighbours: int = 32  # nearest points that a point may link to
    min_size: int = 10  # points of an instance at least
    full_size: int = 120  # points from which on size no longer lowers the score
    join_radius: float = 0.0  # metres in space within which what is left joins an instance

    def __post_init__(self) -> None:
        if not self.radii or any(radius <= 0 for radius in self.radii):
            raise ConfigError(f"radii must be one or more lengths > 0 metres, got {self.radii}.")
        if not self.shares or any(not 0 <= share <= 2 for share in self.shares):
            raise ConfigError(f"shares must be one or more numbers in 0..2, got {self.shares}.")
        if not self.color_weights or min(self.color_weights) < 0:
            raise ConfigError(
                f"color_weights must be one or more lengths >= 0 metres, got {self.color_weights}."
            )
        if not self.bend_weights or min(self.bend_weights) < 0:
            raise ConfigError(
                f"bend_weights must be one or more numbers >= 0, got {self.bend_weights}."
            )
        if not 0 <= self.core_neighbours <= self.num_neighbours:
            raise ConfigError(
                f"core_neighbours must be in 0..num_neighbours ({self.num_neighbours}), got "
                f"{self.core_neighbours}."
            )
        if min(self.shift_radius, self.join_radius) < 0:
            raise ConfigError(
                "shift_radius and join_radius must be >= 0 metres, got "
                f"{self.shift_radius} and {self.join_radius}."
            )
        if min(self.shift_rounds, self.min_size, self.full_size) < 1:
            raise ConfigError(
                "shift_rounds, min_size and full_size must be >= 1, got "
                f"{self.shift_rounds}, {self.min_size} and {self.full_size}."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Instances:
    """Instances of one scene, the surest first; no point is in two of them."""

    rows: list[Int[np.ndarray, " _"]]  # points of each
    score: Float[np.ndarray, " k"]  # 0..1

    def label(self, num_points: int) -> Int[np.ndarray, " n"]:
        """The instance of each point; -1 = none."""
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
    normal: Float[np.ndarray, "n 3"] | None = None,
    left_out: Bool[np.ndarray, " n"] | None = None,
) -> Instances:
    """Find what hangs together among the votes of one scene, on several views of it at once.

    No radius fits a chair and a bed alike, and votes that gather the points of a bed may also
    join two chairs that a gap in space keeps apart; colour tells a book from its shelf, and cuts
    a printed box in two; a surface that bends inwards ends a car on its street, and folds a sofa.
    So points are moved by several shares of their offsets and grouped by density at several radii,
    with colour, with bends, and with neither, and all groups compete. A group is the surer

    - the better it survives a change of radius, share, colour and bends,
    - the better its points' offsets agree with the way to its own centroid,
    - the fewer of its points' nearest points in space lie outside it.

    Of groups that lie in each other, a part stays whole unless its pieces are surer together.

    Args:
        coord: Positions in metres.
        offset: Offsets in metres, same frame.
        config: Radii, shares and the rest.
        color: 0..1; used where a weight of `config.color_weights` is above 0.
        normal: Unit normals that face outwards; used where a weight of `config.bend_weights` is
            above 0, and in the score.
        left_out: Points that take no part, for example planes found without labels.

    Raises:
        ConfigError: If colours or normals are asked for and missing.

    Source:
        PointINS App. C groups votes by breadth-first search at one radius and gives no score;
        everything beyond that is ours.
    """
    taken = np.arange(len(coord)) if left_out is None else np.flatnonzero(~left_out)
    if max(config.color_weights) > 0 and color is None:
        raise ConfigError(
            "color_weights has one above 0, but the scene has no colour; give (0.0,)."
        )
    if max(config.bend_weights) > 0 and normal is None:
        raise ConfigError(
            "bend_weights has one above 0, but there are no normals; estimate them "
            "(geometry.estimate_normals), or give (0.0,)."
        )
    if len(taken) < 2:
        return Instances(rows=[], score=np.zeros(0))
    points, moves = coord[taken].astype(np.float64), offset[taken].astype(np.float64)
    facing = None if normal is None else normal[taken].astype(np.float64)
    views = []
    for links in _links(points, moves, None if color is None else color[taken], facing, config):
        views += groups_at_all_radii(links, config.radii, config.core_neighbours, config.min_size)
    members, is_of_view = _distinct(views)
    if len(is_of_view) == 0:
        return Instances(rows=[], score=np.zeros(0))
    shared = overlaps(members)
    score = scored(points, moves, members, shared, is_of_view, config.full_size, facing)
    label, score = _parted(members, best_apart(shared, score), score, len(points), config.min_size)
    if config.join_radius > 0:
        label = _joined(points, label, config.join_radius)
    return Instances(rows=[taken[rows] for rows in rows_of(label, len(score))], score=score)


def _links(
    points: Float[np.ndarray, "n 3"],
    moves: Float[np.ndarray, "n 3"],
    color: Float[np.ndarray, "n 3"] | None,
    normal: Float[np.ndarray, "n 3"] | None,
    config: ReadOut,
) -> Iterator[Links]:
    """Links between the moved points for each share, as they lie, by colour, and by bends."""
    for share in config.shares:
        place = points + share * moves
        if config.shift_radius > 0 and share > 0:
            place = mean_shift(place, config.shift_radius, config.shift_rounds)
        for weight in config.color_weights:
            if weight > 0 and color is not None:
                space = np.concatenate([place, weight * color], axis=1)
                yield nearest_links(space, config.num_neighbours, config.radii[-1])
                continue
            links = nearest_links(place, config.num_neighbours, config.radii[-1])
            bend = None
            if normal is not None and max(config.bend_weights) > 0:
                bend = bends(links, points, normal)
            for stretch in config.bend_weights:
                yield links if bend is None or stretch == 0 else stretched(links, bend, stretch)


def rows_of(label: Int[np.ndarray, " n"], count: int) -> list[Int[np.ndarray, " _"]]:
    """The points of each of `count` labels; -1 = none."""
    order = np.argsort(label, kind="stable")
    ends = np.searchsorted(label[order], np.arange(count + 1))
    return [order[ends[number] : ends[number + 1]] for number in range(count)]


def _distinct(views: list[Int[np.ndarray, " n"]]) -> tuple[csr_array, Bool[np.ndarray, "g v"]]:
    """Groups of all views as columns of ones, equal ones once, and which views have each.

    Args:
        views: Group of each point, -1 = none; one array a view.
    """
    count = len(views[0])
    key = np.random.default_rng(0).integers(0, 1 << 62, count).astype(np.uint64)
    digests = []
    for group in views:
        digest = np.zeros(int(group.max(initial=-1)) + 1, np.uint64)
        np.add.at(digest, group[group >= 0], key[group >= 0])  # equal sets have equal sums
        digests.append(digest)
    start = np.cumsum([0, *map(len, digests)])
    view_of = np.repeat(np.arange(len(views)), np.diff(start))
    _, first, number = np.unique(np.concatenate(digests), return_index=True, return_inverse=True)
    is_of_view = np.zeros((len(first), len(views)), bool)
    is_of_view[number, view_of] = True
    rows, columns = [], []
    for view, group in enumerate(views):
        grouped = np.flatnonzero(group >= 0)
        column = number[start[view] + group[grouped]]
        is_first = view_of[first[column]] == view
        rows.append(grouped[is_first])
        columns.append(column[is_first])
    row, column = np.concatenate(rows), np.concatenate(columns)
    members = csr_array((np.ones(len(row)), (row, column)), shape=(count, len(first)))
    return members, is_of_view


def _parted(
    members: csr_array, kept: list[int], score: Float[np.ndarray, " g"], count: int, min_size: int
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " k"]]:
    """The chosen groups as labels; what little two of them share goes to the surer one."""
    columns = members.tocsc()
    label, scores = np.full(count, -1), []
    for group in sorted(kept, key=lambda group: (-score[group], group)):
        mine = columns.indices[columns.indptr[group] : columns.indptr[group + 1]]
        mine = mine[label[mine] < 0]
        if len(mine) >= min_size:
            label[mine] = len(scores)
            scores.append(score[group])
    return label, np.array(scores, np.float64)


def _joined(
    points: Float[np.ndarray, "n 3"], label: Int[np.ndarray, " n"], radius: float
) -> Int[np.ndarray, " n"]:
    """Points of no instance take the label of the nearest point that has one, within a radius."""
    has, free = np.flatnonzero(label >= 0), np.flatnonzero(label < 0)
    if len(has) == 0 or len(free) == 0:
        return label
    distance, nearest = KDTree(points[has]).query(points[free], distance_upper_bound=radius)
    distance, nearest = np.asarray(distance), np.asarray(nearest)
    near = np.isfinite(distance)
    joined = label.copy()
    joined[free[near]] = label[has[nearest[near]]]
    return joined

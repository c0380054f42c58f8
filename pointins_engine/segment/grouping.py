"""From votes to instances of a whole scan, tile by tile where it is large. No torch. M cells."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int64

from pointins_engine.errors import SceneError
from pointins_engine.scenes.tiles import Tile, merge_instances, merge_values, tiles
from pointins_engine.segment.automatic import LEAST_SCORE, automatic_read_out
from pointins_engine.segment.read_out import instances_from_votes
from pointins_engine.segment.records import SceneVotes
from pointins_engine.segment.settings import SegmentSettings

Tell = Callable[[str, int, int], None]  # phase, done, total

_OVERLAPS = (32, 16, 8, 4, 2, 0)  # voxel edges: furniture or a car is whole in one of the tiles
_POINTS_A_CELL = 4  # surface points at half a voxel's edge


@dataclass(frozen=True, kw_only=True, slots=True)
class Grouped:
    """Instances of a scan as labels of its cells."""

    label: Int64[np.ndarray, " m"]  # ids from 0 by falling score, -1 = none
    score: Float[np.ndarray, " k"]  # 0..1


def group_votes(votes: SceneVotes, settings: SegmentSettings, tell: Tell | None = None) -> Grouped:
    """Read instances out of the votes of a scan.

    Lengths are taken to the network's world first, so a table top is grouped as a room is. In a
    scan of several tiles each is grouped alone; instances of neighbours that agree in the overlap
    are one, with the mean score of its cells.

    Args:
        votes: Of the whole scan.
        settings: `planes`, `radius`, `min_size`, `least_score` and `max_tile_points` are used.
        tell: Told the phase, and how many tiles are done.

    Raises:
        ConfigError: If the numbers are not possible together.
    """
    tell = tell or _silent
    place = (votes.coord * np.float32(votes.scale)).astype(np.float32)
    edge = votes.grid_size * votes.scale
    radius = None if settings.radius is None else settings.radius * votes.scale
    read_out = automatic_read_out(
        edge,
        has_color=votes.color is not None,
        domain=votes.domain,
        planes=settings.planes,
        is_enlarged=votes.scale > 1,
        radius=radius,
        min_size=settings.min_size,
    )
    parts: list[tuple[Tile, np.ndarray, np.ndarray]] = []
    cut = cut_tiles(place, max(settings.max_tile_points // _POINTS_A_CELL, 1), edge)
    for number, tile in enumerate(cut):
        tell("grouping", number, len(cut))
        rows = tile.rows
        found = instances_from_votes(
            place[rows],
            votes.offset[rows] * np.float32(votes.scale),
            read_out,
            color=None if votes.color is None else votes.color[rows],
            normal=votes.normal[rows],
            left_out=votes.is_plane[rows] if settings.planes == "remove" else None,
        )
        label = found.label(len(rows))
        parts.append((tile, label, np.append(found.score, 0.0)[label]))
    tell("grouping", len(cut), len(cut))
    if not parts:
        return Grouped(label=np.zeros(0, np.int64), score=np.zeros(0))
    count = len(place)
    label = parts[0][1]
    if len(parts) > 1:
        label = merge_instances(count, ((tile, ids) for tile, ids, _ in parts))
    certainty = merge_values(count, ((tile, score) for tile, _, score in parts))
    least = LEAST_SCORE if settings.least_score is None else settings.least_score
    return ranked(label, certainty, read_out.min_size, least)


def ranked(
    label: Int[np.ndarray, " m"],
    certainty: Float[np.ndarray, " m"],
    min_size: int,
    least_score: float = 0.0,
) -> Grouped:
    """Ids in the order of falling scores, the mean of their cells'; crumbs and doubts are dropped.

    A crumb has less than `min_size` cells, as where the border of a tile cut an instance; a doubt
    scores under `least_score`.
    """
    named = label >= 0
    if not named.any():
        return Grouped(label=np.full(len(label), -1), score=np.zeros(0))
    size = np.bincount(label[named])
    score = np.bincount(label[named], certainty[named]) / np.maximum(size, 1)
    kept = np.flatnonzero((size >= min_size) & (score >= least_score))
    kept = kept[np.argsort(-score[kept], kind="stable")]
    rank = np.full(len(size) + 1, -1)
    rank[kept] = np.arange(len(kept))
    return Grouped(label=rank[label], score=score[kept])


def cut_tiles(coord: Float[np.ndarray, "n 3"], max_points: int, edge: float) -> list[Tile]:
    """Tiles with as much overlap as fits, 32 voxel edges at most; one tile if the scan is small."""
    if len(coord) == 0:
        return []
    for overlap in _OVERLAPS[:-1]:
        try:
            return list(tiles(coord, max_points, overlap * edge))
        except SceneError:
            continue
    return list(tiles(coord, max_points, _OVERLAPS[-1] * edge))


def _silent(phase: str, done: int, total: int) -> None:
    pass

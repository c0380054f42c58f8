"""The cells of a scan with their votes: what methods group. No torch. N points, M cells.

A scan that is too large for memory goes through tile by tile.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Int
from scipy.spatial import KDTree

from pointins_engine.config import SceneConfig
from pointins_engine.errors import SceneError
from pointins_engine.geometry import default_viewpoint, estimate_normals, voxelize
from pointins_engine.scenes.planes import find_planes
from pointins_engine.scenes.source import normals_of
from pointins_engine.scenes.tiles import Tile, take
from pointins_engine.segment.grouping import Tell, cut_tiles
from pointins_engine.segment.records import SceneVotes
from pointins_engine.segment.scale import automatic_scale
from pointins_engine.segment.settings import SegmentSettings
from pointins_engine.types import Scene

GRID_SIZE = {"indoor": 0.06, "outdoor": 0.2}  # metres: voxels of the built-in networks

_LEAST_VOXELS = 16  # fewer hold nothing that could be told apart
_TURNED_ROUND = 0.25  # share of normals that face the inside of a scan, under which all are wrong
_ASKED = 100_000  # points of a scan that say which way its normals face
_CHUNK = 1_000_000  # points whose nearest cell is sought at a time


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What is found in one tile: V voxels with rows of the tile's scene that stand for them."""

    row: Int[np.ndarray, " v"]
    offset: Float32[np.ndarray, "v 3"]  # metres of the enlarged scan


def plain_cells(scene: Scene, settings: SegmentSettings, tell: Tell | None = None) -> SceneVotes:
    """The cells of a scan for methods that need no network; every vote stays where it is.

    Voxels are those of the built-in network of the scan's domain.
    """
    domain = settings.domain_of(scene.coord)
    config = SceneConfig(grid_size=GRID_SIZE[domain], feats=("coord",))

    def look(part: Scene) -> Look:
        row = voxelize(part.coord, config.grid_size)[1]
        return Look(row=row, offset=np.zeros((len(row), 3), np.float32))

    return cells_of(scene, config, settings, look, tell)


def cells_of(
    scene: Scene,
    config: SceneConfig,
    settings: SegmentSettings,
    look: Callable[[Scene], Look],
    tell: Tell | None = None,
) -> SceneVotes:
    """Bring a scan to its size in the network's world, and look at it tile by tile.

    Planes are found tile by tile too. Memory beyond the scan and its voxels is that of one tile.

    Args:
        scene: Metres, z up.
        config: Voxels, and features that a scan must have.
        settings: `scale`, `domain` and `max_tile_points` are used.
        look: Given a part of the enlarged scan with its planes.
        tell: Told the phase, and how many tiles are done.

    Raises:
        SceneError: If hardly a voxel is left of the scan at its scale; says what to change.
    """
    tell = tell or (lambda phase, done, total: None)
    domain = settings.domain_of(scene.coord)
    scale = automatic_scale(scene.coord, domain) if settings.scale is None else settings.scale
    config = replace(config, domain=domain)
    large = replace(
        scene,
        coord=(scene.coord * np.float32(scale)).astype(np.float32),
        normal=scene.normal if scale > 1 else _facing_inside(scene),
    )
    rows = _thinned(large, config.grid_size, settings.max_tile_points)
    cut = cut_tiles(large.coord[rows], settings.max_tile_points, config.grid_size)
    found: list[_Core] = []
    for number, tile in enumerate(cut):
        tell("planes", number, len(cut))
        of_tile = rows[tile.rows]
        part = large if len(of_tile) == len(large) else take(large, of_tile, scene.id)
        part = _with_planes(part, config, scale)
        tell("network", number, len(cut))
        found.append(_core(part, tile, of_tile, look(part)))
    tell("network", len(cut), len(cut))
    kept = np.concatenate([core.row for core in found])
    if len(kept) < _LEAST_VOXELS:
        raise SceneError(
            f"{scene.id}: {len(scene):,} points are {len(kept)} voxels of "
            f"{100 * config.grid_size / scale:.3g} cm, too few to hold an object. If the "
            "coordinates are in another unit, say so with --units; or enlarge with --scale."
        )
    return SceneVotes(
        coord=scene.coord[kept],
        offset=np.concatenate([core.offset for core in found]) / np.float32(scale),
        color=None if scene.color is None else (scene.color[kept] / 255).astype(np.float32),
        normal=np.concatenate([core.normal for core in found]),
        is_plane=np.concatenate([core.is_plane for core in found]),
        cell_of_point=nearest_cell(scene.coord, scene.coord[kept]),
        grid_size=config.grid_size / scale,
        scale=float(scale),
        domain=domain,
    )


def _facing_inside(scene: Scene) -> Float32[np.ndarray, "n 3"] | None:
    """The normals of a room or street, turned if a program has exported all of them turned round.

    Of a single small thing, which is seen from outside, nothing can be told in this way.
    """
    if scene.normal is None or len(scene) == 0:
        return scene.normal
    some = slice(None, None, -(-len(scene) // _ASKED))
    way = default_viewpoint(scene.coord[some]) - scene.coord[some]
    facing = float((np.einsum("ij,ij->i", scene.normal[some], way) > 0).mean())
    return -scene.normal if facing < _TURNED_ROUND else scene.normal


def _with_planes(part: Scene, config: SceneConfig, scale: float) -> Scene:
    """A part of the enlarged scan with the features that are wanted, and its planes."""
    if part.normal is None and "normal" in config.feats:
        part = replace(part, normal=normals_of(part, config.grid_size))
    if part.is_plane is not None:
        return part
    rng = np.random.default_rng(len(part))
    found = find_planes(part.coord, config.domain, rng, part.normal, scale=max(scale, 1.0))
    return replace(part, is_plane=found)


def nearest_cell(
    coord: Float32[np.ndarray, "n 3"], cell_coord: Float32[np.ndarray, "m 3"]
) -> Int[np.ndarray, " n"]:
    """The cell nearest to each point."""
    tree = KDTree(cell_coord)
    nearest = np.empty(len(coord), np.int32)
    for start in range(0, len(coord), _CHUNK):
        part = slice(start, start + _CHUNK)
        nearest[part] = tree.query(coord[part], workers=-1)[1]
    return nearest


@dataclass(frozen=True, kw_only=True, slots=True)
class _Core:
    """Voxels in the core of one tile."""

    row: Int[np.ndarray, " c"]  # of the scan
    offset: Float32[np.ndarray, "c 3"]
    is_plane: Bool[np.ndarray, " c"]
    normal: Float32[np.ndarray, "c 3"]


def _core(part: Scene, tile: Tile, of_tile: Int[np.ndarray, " t"], seen: Look) -> _Core:
    assert part.is_plane is not None, "a complete scene knows its planes"
    is_core = tile.is_core[seen.row]
    row = seen.row[is_core]
    return _Core(
        row=of_tile[row],
        offset=seen.offset[is_core],
        is_plane=part.is_plane[row],
        normal=normals_at(part, seen.row)[is_core],
    )


def normals_at(scene: Scene, row: Int[np.ndarray, " v"]) -> Float32[np.ndarray, "v 3"]:
    """Normals of voxels, estimated from the voxels alone where the scan has none.

    Args:
        scene: Metres, z up.
        row: Of the scene, one a voxel.
    """
    if scene.normal is not None:
        return scene.normal[row]
    if len(row) < 3:
        return np.tile(np.array([0.0, 0.0, 1.0], np.float32), (len(row), 1))
    return estimate_normals(scene.coord[row])


def _thinned(scene: Scene, grid_size: float, max_points: int) -> Int[np.ndarray, " k"]:
    """All rows, or of a scan that is too large for one tile those that half a voxel keeps."""
    if len(scene) <= max_points:
        return np.arange(len(scene))
    return np.sort(voxelize(scene.coord, grid_size / 2)[1])

"""Simulated rooms beside real scans: objects, offsets, hidden surfaces, density, noise, colours.

The real scans are table-tops of the Point Cloud Library (`mosd/`, Kinect views with object labels)
and its room scans (`pcl/`, coordinates only). They show smaller scenes than rooms, so each row says
what can be compared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import KDTree
from scipy.stats import gamma, wasserstein_distance

from pointins_engine.geometry import voxelize
from pointins_engine.offset_prior.offsets import labelled_offsets
from pointins_engine.scenes.planes import find_planes
from pointins_engine.scenes.readers import read_scene
from pointins_engine.scenes.simulate.indoor.depth_camera import (
    DepthCamera,
    expose,
    is_returned,
    measured,
)
from pointins_engine.scenes.simulate.indoor.floor_plans import plan_flat, plan_room
from pointins_engine.scenes.simulate.indoor.rooms import SPARE_RAYS, simulate_room, walk
from pointins_engine.scenes.simulate.solids import BOX, CYLINDER, SolidSet
from pointins_engine.types import Scene

NUM_ROOMS = 16
FIRST_SEED = 3_000_000_000  # no run trains or is measured on these
PAPER_GAMMA = gamma(0.24, scale=2.53)  # PointINS Tab. 9, indoor; metres
_CELL = 0.02  # metres: points are thinned to this before they are counted
_SMALL = 0.4  # metres: longest edge of things as they stand on tables
_SEEN_WITHIN = 0.04  # metres from a patch of surface to a point that shows it
_NEAR, _FAR = 0.02, 0.04  # metres between two points whose colours are compared
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_DISTANCES = (0.6, 0.9, 1.2, 1.6, 2.2, 3.0)  # metres from the camera


@dataclass(frozen=True, kw_only=True, slots=True)
class Scans:
    """Scans of one origin."""

    name: str
    scenes: Sequence[Scene]
    views: Sequence["View"]  # single exposures, the camera at the origin


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """One exposure of a depth camera."""

    coord: Float[np.ndarray, "n 3"]  # metres from the camera
    is_plane: Bool[np.ndarray, " n"]
    share_lost: float  # pixels without a depth


def tables(data: Path | None, num_rooms: int = NUM_ROOMS) -> str:
    """Markdown tables; a real column appears for each folder of scans found in `data`."""
    columns = [_simulated(num_rooms)]
    if data is not None and (data / "mosd").is_dir():
        columns.append(_kinect(sorted((data / "mosd").rglob("*.pcd"))))
    if data is not None and (data / "pcl").is_dir():
        scans = sorted((data / "pcl").glob("room_scan*.pcd"))
        scenes = [read_scene(path) for path in scans]
        columns.append(Scans(name="PCL room scans", scenes=scenes, views=()))
    return _compare(columns) + "\n\n" + _offset_table(columns) + "\n\n" + _hidden(num_rooms)


def _simulated(num_rooms: int) -> Scans:
    seeds = [FIRST_SEED + k for k in range(num_rooms)]
    return Scans(
        name="simulated rooms",
        scenes=[simulate_room(seed, num_points=100_000) for seed in seeds],
        views=[_simulated_view(seed) for seed in seeds],
    )


def _simulated_view(seed: int) -> View:
    """A Kinect's view of a room: towards its middle, from a corner that is free."""
    rng = np.random.default_rng(seed)
    plan, camera = plan_room(rng), DepthCamera()
    solids = SolidSet(plan.solids)
    middle = np.array([plan.size[0] / 2, plan.size[1] / 2])
    free = plan.free_places(rng, 200)
    spot = free[np.linalg.norm(free - middle, axis=1).argmax()]
    eye = np.array([*spot, 1.5])
    seen = expose(solids, camera, [(eye, np.array([*middle, 0.6]))], 120_000, rng)
    kept = is_returned(seen, solids.material, camera, rng)
    coord = (measured(seen, camera, 1.0, rng)[kept] - eye).astype(np.float32)
    planes = find_planes(coord, "indoor", rng)
    return View(coord=coord, is_plane=planes, share_lost=1 - float(kept.mean()))


def _kinect(paths: Sequence[Path]) -> Scans:
    scenes, views = [], []
    for path in paths:
        scene = read_scene(path)
        if (
            scene.instance_label is not None
        ):  # 10 times the object, plus its part; object 0 is the table
            thing = scene.instance_label // 10
            scene = replace(scene, instance_label=np.where(thing > 0, thing, -1).astype(np.int32))
        planes = find_planes(scene.coord, "indoor", np.random.default_rng(0), scene.normal)
        scenes.append(scene)
        lost = scene.num_dropped / (len(scene) + scene.num_dropped)
        views.append(View(coord=scene.coord, is_plane=planes, share_lost=lost))
    return Scans(name="mOSD table-tops", scenes=scenes, views=views)


def _compare(columns: Sequence[Scans]) -> str:
    rows: list[tuple[str, Callable[[Scans], str]]] = [
        ("scans", lambda c: f"{len(c.scenes)}"),
        ("objects a scan", lambda c: _spread([len(_objects(s)) for s in c.scenes], 0)),
        ("cells of 2 cm an object, 5/25/50/75/95 %", lambda c: _sizes(c, np.inf)),
        ("the same of objects under 40 cm", lambda c: _sizes(c, _SMALL)),
        ("share of points on floor and walls", _plane_share),
        ("flatness of planes in patches of a hand, mm rms", _flatness),
        ("pixels without a depth, %", lambda c: _spread([100 * v.share_lost for v in c.views], 0)),
        ("points per area and steradian from 0.6, 0.9, 1.2, 1.6, 2.2 m on, relative", _density),
        ("colour difference inside of an object, of 255", lambda c: _color_gap(c)[0]),
        ("colour difference across a border, of 255", lambda c: _color_gap(c)[1]),
        ("chance that the border differs more", lambda c: _color_gap(c)[2]),
    ]
    lines = [
        "| | " + " | ".join(column.name for column in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for name, figure in rows:
        lines.append(f"| {name} | " + " | ".join(figure(c) for c in columns) + " |")
    return "\n".join(lines)


def _spread(values: Sequence[float], digits: int) -> str:
    """Median, and from 10 to 90 %."""
    if len(values) == 0 or not any(values):
        return "-"
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _objects(scene: Scene) -> list[Float[np.ndarray, "k 3"]]:
    """Points of every labelled object, thinned to cells."""
    if scene.instance_label is None:
        return []
    found = []
    for label in np.unique(scene.instance_label[scene.instance_label >= 0]):
        coord = scene.coord[scene.instance_label == label]
        found.append(coord[voxelize(coord, _CELL)[1]])
    return found


def _sizes(column: Scans, longest: float) -> str:
    sizes = [
        len(points)
        for scene in column.scenes
        for points in _objects(scene)
        if np.ptp(points, axis=0).max() < longest
    ]
    if not sizes:
        return "-"
    return ", ".join(f"{q:.0f}" for q in np.quantile(sizes, _QUANTILES))


def _plane_share(column: Scans) -> str:
    shares = []
    for scene in column.scenes:
        coord = scene.coord[voxelize(scene.coord, _CELL)[1]]
        shares.append(find_planes(coord, "indoor", np.random.default_rng(0)).mean())
    return _spread(shares, 2)


def _flatness(column: Scans) -> str:
    """Of patches of a hand's size on planes: how far points lie off the best plane through them."""
    off = []
    for view in column.views:
        points = view.coord[view.is_plane].astype(np.float64)
        if len(points) < 1000:
            continue
        tree = KDTree(points)
        for middle in points[np.random.default_rng(0).choice(len(points), 60)]:
            patch = points[tree.query_ball_point(middle, 0.06)]
            if len(patch) >= 30:
                spread = np.linalg.svd(patch - patch.mean(axis=0), compute_uv=False)[2]
                off.append(1000 * spread / np.sqrt(len(patch)))
    return _spread(off, 1)


def _density(column: Scans) -> str:
    """Median points in a cell of 3 cm, times the squared distance, relative to the nearest cells.

    A camera alone would give 1 everywhere; slanted surfaces and lost pixels lower it.
    """
    if not column.views:
        return "-"
    count, far = [], []
    for view in column.views:
        _, chosen, cell = voxelize(view.coord, 0.03)
        far.append(np.linalg.norm(view.coord[chosen], axis=1))
        count.append(np.bincount(cell) / len(view.coord) * far[-1] ** 2)
    number, distance = np.concatenate(count), np.concatenate(far)
    medians = [
        np.median(number[inside]) if inside.sum() > 200 else np.nan
        for low, high in pairwise(_DISTANCES)
        for inside in [(distance >= low) & (distance < high)]
    ]
    first = next((m for m in medians if np.isfinite(m)), np.nan)
    return ", ".join("-" if np.isnan(m) else f"{m / first:.2f}" for m in medians)


def _color_gap(column: Scans) -> tuple[str, str, str]:
    """Median difference of neighbouring colours within objects and across their borders."""
    within, across = color_gaps(column.scenes)
    if len(across) == 0:
        return "-", "-", "-"
    rank = np.searchsorted(np.sort(within), across) / len(within)
    return f"{np.median(within):.0f}", f"{np.median(across):.0f}", f"{rank.mean():.2f}"


def color_gaps(
    scenes: Sequence[Scene],
) -> tuple[Float[np.ndarray, " a"], Float[np.ndarray, " b"]]:
    """Colour differences of points 2 to 4 cm apart: of one object, and of two (or none)."""
    within, across = [np.empty(0)], [np.empty(0)]
    for scene in scenes:
        if scene.color is None or scene.instance_label is None:
            continue
        chosen = voxelize(scene.coord, _NEAR)[1]
        label = scene.instance_label[chosen]
        coord, color = scene.coord[chosen], scene.color[chosen].astype(np.float64)
        pairs = KDTree(coord).query_pairs(_FAR, output_type="ndarray")
        a, b = pairs[:, 0], pairs[:, 1]
        apart = np.linalg.norm(coord[a] - coord[b], axis=1) > _NEAR
        gap = np.linalg.norm(color[a] - color[b], axis=1)
        same = (label[a] == label[b]) & (label[a] >= 0)
        within.append(gap[same & apart])
        across.append(gap[(label[a] != label[b]) & apart])
    return np.concatenate(within), np.concatenate(across)


def _offset_table(columns: Sequence[Scans]) -> str:
    """Quantiles of offset magnitudes beside the paper's indoor prior."""
    lines = ["| offset magnitude, m | 5 % | 25 % | 50 % | 75 % | 95 % | mean | W1 to the prior |",
             "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    prior = PAPER_GAMMA.ppf((np.arange(4000) + 0.5) / 4000)
    for column in columns:
        labelled = [scene for scene in column.scenes if scene.instance_label is not None]
        if not labelled:
            continue
        found = np.concatenate(
            [np.linalg.norm(labelled_offsets(scene, _CELL), axis=1) for scene in labelled]
        )
        lines.append(_offset_row(column.name, found, wasserstein_distance(found, prior)))
    return "\n".join([*lines, _offset_row("Gamma(0.24, 2.53 m), the paper's", prior, 0.0)])


def _offset_row(name: str, length: Float[np.ndarray, " n"], gap: float) -> str:
    values = [*np.quantile(length, _QUANTILES), length.mean(), gap]
    return f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |"


def _hidden(num_rooms: int) -> str:
    """Share of the outside of objects that no view of the room has seen, by the true surfaces."""
    shares = []
    for k in range(num_rooms):
        shares += _hidden_shares(FIRST_SEED + k)
    low, middle, high = np.quantile(shares, (0.1, 0.5, 0.9))
    return (
        f"Share of an object's outside that no view has seen, {len(shares)} objects in {num_rooms} "
        f"simulated rooms: median {middle:.2f}, 10 % {low:.2f}, 90 % {high:.2f}. "
        "(Of the real scans nobody knows the hidden side.)"
    )


def _hidden_shares(seed: int) -> list[float]:
    """By object that has points."""
    rng = np.random.default_rng(seed)
    rooms = plan_flat(rng)
    solids, camera = SolidSet([s for room in rooms for s in room.solids]), DepthCamera()
    seen = expose(solids, camera, list(walk(rooms, rng)), int(100_000 * SPARE_RAYS), rng)
    kept = is_returned(seen, solids.material, camera, rng)
    coord, solid = seen.at(seen.distance)[kept], seen.solid[kept]
    shares, first = [], 0
    for room in rooms:
        for k in range(len(room.placed)):
            own = first + np.flatnonzero(room.instance == k)
            mine = coord[np.isin(solid, own)]
            patches = np.concatenate([_surface(solids, int(s), rng) for s in own])
            outside = ~solids.contains(patches, 0.001).any(axis=1) & (patches[:, 2] > 0.01)
            if len(mine) >= 30 and outside.sum() >= 10:
                gap = KDTree(mine).query(patches[outside])[0]
                shares.append(float((np.asarray(gap) > _SEEN_WITHIN).mean()))
        first += len(room.solids)
    return shares


def _surface(solids: SolidSet, s: int, rng: np.random.Generator) -> Float[np.ndarray, "k 3"]:
    """Places on the surface of a solid, about 400 a square metre; none on leaves."""
    half = solids.half[s]
    faces = half[[1, 2, 0]] * half[[2, 0, 1]] * 8  # m2, of both faces along x, y, z
    count = int(400 * faces.sum()) if solids.free_path[s] == 0 else 0
    unit = rng.uniform(-1, 1, (count, 3))
    if solids.shape[s] == BOX:
        axis = rng.choice(3, count, p=faces / faces.sum())
        unit[np.arange(count), axis] = np.sign(unit[np.arange(count), axis])
    elif solids.shape[s] == CYLINDER:
        on_side = rng.random(count) < (faces[0] + faces[1]) / faces.sum()
        angle, radius = np.pi * unit[:, 0], np.where(on_side, 1.0, np.sqrt(np.abs(unit[:, 1])))
        height = np.where(on_side, unit[:, 2], np.sign(unit[:, 2]))
        unit = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    else:
        unit = rng.normal(size=(count, 3))
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    return solids.center[s] + (unit * half) @ solids.turn[s].T

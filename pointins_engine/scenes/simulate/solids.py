"""Boxes, cylinders and ellipsoids, and the rays that meet them. R rays, S solids.

No mesh library: a solid is a unit shape under a turn, a stretch and a shift, so each ray is met in
the solid's own frame by a closed formula. Rays that share an origin are tested together: tiles of
neighbouring rays walk through the solids near their cone from front to back, so that what is far,
beside or hidden is never looked at. T tiles of L rays, P pairs of tile and solid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

BOX, CYLINDER, ELLIPSOID = 0, 1, 2

Lanes = Float[np.ndarray, "_ _"]  # pairs by rays, or pairs by 1
Span = tuple[Lanes, Lanes]  # where rays enter and leave; enters > leaves when they miss

_TILE = 32  # rays that are culled together
_LEAP = 0.05  # radians between neighbours of a tile, at most
_CHUNK = 256  # pairs met at a time: their arrays stay in the processor's cache
_GOLDEN = 0.6180339887498949  # spreads one random number a ray over the solids it crosses


@dataclass(frozen=True, kw_only=True, slots=True)
class Solid:
    """One primitive. A cylinder stands along its own z axis."""

    shape: int  # BOX, CYLINDER or ELLIPSOID
    center: Float[np.ndarray, "3"]  # metres
    half: Float[np.ndarray, "3"]  # metres: half edge lengths, or radii
    turn: Float[np.ndarray, "3 3"]  # columns are the solid's axes in the world
    material: str
    free_path: float = 0.0  # metres a ray flies inside on average; 0 = opaque


@dataclass(frozen=True, kw_only=True, slots=True)
class Hits:
    """Where rays end. A ray that meets nothing has distance inf and solid -1."""

    distance: Float[np.ndarray, " r"]  # metres along the unit direction
    solid: Int64[np.ndarray, " r"]
    normal: Float[
        np.ndarray, "r 3"
    ]  # unit, facing the origin of the ray; zero where nothing is met


class SolidSet:
    """Solids packed into arrays, ready for rays."""

    def __init__(self, solids: Sequence[Solid]) -> None:
        self.shape = np.array([s.shape for s in solids], np.int64)
        self.center = np.array([s.center for s in solids], np.float64).reshape(-1, 3)
        self.half = np.array([s.half for s in solids], np.float64).reshape(-1, 3)
        self.turn = np.array([s.turn for s in solids], np.float64).reshape(-1, 3, 3)
        self.free_path = np.array([s.free_path for s in solids], np.float64)
        self.material = [s.material for s in solids]
        self.radius = np.where(
            self.shape == ELLIPSOID,
            self.half.max(axis=1, initial=0.0),
            np.where(
                self.shape == CYLINDER,
                np.hypot(self.half[:, :2].max(axis=1, initial=0.0), self.half[:, 2]),
                np.linalg.norm(self.half, axis=1),
            ),
        )

    def __len__(self) -> int:
        return len(self.shape)

    def to_local(
        self, points: Float[np.ndarray, "r 3"], solid: Int64[np.ndarray, " r"]
    ) -> Float[np.ndarray, "r 3"]:
        """World positions in the frame of the solid each one belongs to, in metres."""
        return np.einsum("kji,kj->ki", self.turn[solid], points - self.center[solid])

    def contains(
        self, points: Float[np.ndarray, "r 3"], margin: float = 0.0
    ) -> Bool[np.ndarray, "r s"]:
        """Whether points lie inside opaque solids shrunk by `margin` metres on every side."""
        inside = np.zeros((len(points), len(self)), bool)
        for s in range(len(self)):
            half = self.half[s] - margin
            if self.free_path[s] > 0 or (half <= 0).any():
                continue
            local = self.to_local(points, np.full(len(points), s)) / half
            if self.shape[s] == BOX:
                inside[:, s] = (np.abs(local) < 1).all(axis=1)
            elif self.shape[s] == CYLINDER:
                inside[:, s] = ((local[:, :2] ** 2).sum(axis=1) < 1) & (np.abs(local[:, 2]) < 1)
            else:
                inside[:, s] = (local**2).sum(axis=1) < 1
        return inside


def cast(
    solids: SolidSet,
    origin: Float[np.ndarray, "3"],
    direction: Float[np.ndarray, "r 3"],
    chance: Float[np.ndarray, " r"] | None = None,
) -> Hits:
    """Nearest solid that each ray meets.

    Rays are gathered into tiles of neighbouring directions. Each tile lists the solids that its
    cone may touch, nearest bound first, walks the list and stops when nothing nearer can come.

    Args:
        solids: What can be hit.
        origin: Common start of the rays, metres.
        direction: Unit vectors in any order.
        chance: One number in [0, 1) a ray; decides how deep a ray gets into porous solids
            (`free_path > 0`), in an order that does not depend on which pairs were culled.

    Returns:
        Distances, solids and normals; of two solids at the same distance the first is hit.
    """
    if len(direction) == 0 or len(solids) == 0:
        return _no_hits(len(direction))
    tiles = _tiles(direction)
    rays = np.ascontiguousarray(direction[tiles].transpose(2, 0, 1))  # (3, T, L)
    share = np.zeros(tiles.shape) if chance is None else chance[tiles]
    to_unit = solids.turn.transpose(0, 2, 1) / solids.half[:, :, None]  # (S, 3, 3) world -> unit
    start = np.einsum("sij,sj->si", to_unit, origin - solids.center)
    tile, solid, bound = _candidates(solids, origin, rays, to_unit, start)
    begins = np.searchsorted(tile, np.arange(len(tiles)))
    ends = np.searchsorted(tile, np.arange(len(tiles)), side="right")
    best = np.full(tiles.shape, np.inf)
    winner = np.full(tiles.shape, -1, np.int64)
    place, active = begins.copy(), np.flatnonzero(begins < ends)
    while len(active):
        _visit(solids, solid[place[active]], active, rays, share, to_unit, start, best, winner)
        place[active] += 1
        active = active[place[active] < ends[active]]
        active = active[bound[place[active]] <= best[active].max(axis=1)]
    hits = _no_hits(len(direction))
    hits.distance[tiles], hits.solid[tiles] = best, winner
    met = np.flatnonzero(hits.solid >= 0)
    hits.normal[met] = _normals(
        solids, hits.solid[met], to_unit, start, hits.distance[met], direction[met]
    )
    return hits


def _no_hits(num_rays: int) -> Hits:
    return Hits(
        distance=np.full(num_rays, np.inf),
        solid=np.full(num_rays, -1, np.int64),
        normal=np.zeros((num_rays, 3)),
    )


def _tiles(direction: Float[np.ndarray, "r 3"]) -> Int64[np.ndarray, "t l"]:
    """Rows of rays, `_TILE` neighbours at a time; short tiles are filled up with their first ray.

    Bands of equal latitude are walked along their longitude, to and fro; there are as many bands as
    make tiles about square. A tile ends where the next ray is far: one wide tile would have to look
    at most of the solids.
    """
    num = len(direction)
    middle = np.arctan2(*direction[:, 1::-1].sum(axis=0))  # a narrow bundle is not cut at +-pi
    c, s = np.cos(middle), np.sin(middle)
    x, y = direction[:, 0], direction[:, 1]
    longitude = np.arctan2(c * y - s * x, c * x + s * y)
    latitude = np.arcsin(np.clip(direction[:, 2], -1, 1))
    shape = np.ptp(latitude) / max(np.ptp(longitude), 1e-9)
    num_bands = int(np.clip(round(np.sqrt(shape * num / _TILE)), 1, max(1, num // _TILE)))
    band = np.empty(num, np.int64)
    band[np.argsort(latitude, kind="stable")] = np.arange(num) * num_bands // num
    order = np.lexsort((np.where(band % 2, -longitude, longitude), band))
    step = np.linalg.norm(np.diff(direction[order], axis=0), axis=1)
    leap = (
        np.r_[True, step > max(_LEAP, 8 * float(np.median(step)))] if num > 1 else np.ones(1, bool)
    )
    since = np.arange(num) - np.maximum.accumulate(np.where(leap, np.arange(num), 0))
    lane = since % _TILE
    first = np.flatnonzero(lane == 0)
    tiles = np.repeat(order[first, None], _TILE, axis=1)
    tiles[np.cumsum(lane == 0) - 1, lane] = order
    return tiles


def _candidates(
    solids: SolidSet,
    origin: Float[np.ndarray, "3"],
    rays: Float[np.ndarray, "3 t l"],
    to_unit: Float[np.ndarray, "s 3 3"],
    start: Float[np.ndarray, "s 3"],
) -> tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Pairs of tile and solid that may meet, and a distance that no ray of the tile can undercut.

    First cones against bounding spheres, then the middle ray of the tile against the solid's box,
    grown by as much as the tile's cone has opened behind it. Sorted by tile, then by distance.
    """
    middle = rays.mean(axis=2).T  # (T, 3)
    length = np.linalg.norm(middle, axis=1)
    wide = length < 0.5  # a tile of rays that point everywhere: no cone around it
    middle = np.where(wide[:, None], [0.0, 0.0, 1.0], middle / np.maximum(length, 0.5)[:, None])
    cosine = np.minimum((rays * middle.T[:, :, None]).sum(axis=0).min(axis=1), 1.0)
    opening = np.where(wide, 0.0, np.arccos(np.clip(cosine, -1, 1)) + 1e-7)
    to_center = solids.center - origin
    reach = np.linalg.norm(to_center, axis=1)
    outside = reach > solids.radius * (1 + 1e-9)
    axis = to_center / np.maximum(reach, 1e-12)[:, None]
    sine = np.where(outside, solids.radius / np.maximum(reach, 1e-12), 0.0)
    # middle . axis >= cos(opening + half angle) as one product; what is inside or wide passes.
    left = np.c_[middle, -np.cos(opening), np.sin(opening), 9.0 * wide, np.ones(len(middle))]
    right = np.c_[axis, np.sqrt(1 - sine**2), sine, np.ones(len(axis)), 9.0 * ~outside]
    tile, solid = np.nonzero(left.astype(np.float32) @ right.T.astype(np.float32) > -1e-4)
    far = reach + solids.radius
    growth = np.where(wide[tile], np.inf, far[solid] * opening[tile] + 1e-9)
    edge = 1.0 + growth[:, None] / solids.half[solid]  # (P, 3), unit frame
    d = np.einsum("pij,pj->pi", to_unit[solid], middle[tile])
    o = start[solid]
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (-edge - o) / d, (edge - o) / d
    low = np.fmax.reduce(np.minimum(a, b), axis=1)
    high = np.fmin.reduce(np.maximum(a, b), axis=1)
    low, high = np.where(wide[tile], 0.0, low), np.where(wide[tile], np.inf, high)
    keep = np.flatnonzero((low <= high) & (high >= 0))
    tile, solid, bound = tile[keep], solid[keep], np.maximum(low[keep], 0.0)
    order = np.lexsort((solid, bound, tile))
    return tile[order], solid[order], bound[order]


def _visit(
    solids: SolidSet,
    solid: Int64[np.ndarray, " a"],
    tile: Int64[np.ndarray, " a"],
    rays: Float[np.ndarray, "3 t l"],
    share: Float[np.ndarray, "t l"],
    to_unit: Float[np.ndarray, "s 3 3"],
    start: Float[np.ndarray, "s 3"],
    best: Float[np.ndarray, "t l"],
    winner: Int64[np.ndarray, "t l"],
) -> None:
    """Meet the rays of each tile with one solid; `best` and `winner` are brought up to date."""
    for kind, formula in ((BOX, _box), (CYLINDER, _cylinder), (ELLIPSOID, _ellipsoid)):
        of_kind = np.flatnonzero(solids.shape[solid] == kind)
        for first in range(0, len(of_kind), _CHUNK):
            rows = of_kind[first : first + _CHUNK]
            s, t = solid[rows], tile[rows]
            x, y, z = rays[0, t], rays[1, t], rays[2, t]  # (A, L)
            matrix = to_unit[s]
            d = [
                matrix[:, k, 0, None] * x + matrix[:, k, 1, None] * y + matrix[:, k, 2, None] * z
                for k in range(3)
            ]
            o = [start[s, k, None] for k in range(3)]
            t_in, t_out = formula(o, d)
            distance = np.where(t_in > 1e-9, t_in, t_out)  # from inside, the far side is seen
            porous = np.flatnonzero(solids.free_path[s] > 0)
            if len(porous):
                sp = s[porous]
                u = (share[t[porous]] + (_GOLDEN * (sp + 1))[:, None]) % 1.0
                depth = -solids.free_path[sp, None] * np.log1p(-u)
                depth += np.maximum(t_in[porous], 0)
                distance[porous] = np.where(depth < t_out[porous], depth, np.inf)
            held, found = best[t], winner[t]
            nearer = (distance < held) | ((distance == held) & (s[:, None] < found))
            nearer &= (t_in <= t_out) & (t_out > 0)
            best[t] = np.where(nearer, distance, held)
            winner[t] = np.where(nearer, s[:, None], found)


def _box(o: list[Lanes], d: list[Lanes]) -> Span:
    """Slabs: inside all three pairs of faces."""
    t_in, t_out = np.full_like(d[0], -np.inf), np.full_like(d[0], np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        for o_k, d_k in zip(o, d, strict=True):
            inverse = 1.0 / d_k  # parallel to a slab: inside it for ever, or never; nan on its face
            a, b = (-1.0 - o_k) * inverse, (1.0 - o_k) * inverse
            t_in = np.fmax(t_in, np.minimum(a, b))
            t_out = np.fmin(t_out, np.maximum(a, b))
    return t_in, t_out


def _quadratic(a: Lanes, b: Lanes, c: Lanes) -> Span:
    """Where a t^2 + 2 b t + c <= 0 for a >= 0."""
    square = b * b - a * c
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(square)  # nan where missed
        t_in, t_out = (-b - root) / a, (-b + root) / a
    t_in[np.isnan(root)], t_out[np.isnan(root)] = np.inf, -np.inf
    level = a <= 1e-18  # along the axis: inside for ever, or never
    if level.any():
        inside = np.broadcast_to(c <= 0, a.shape)[level]
        t_in[level], t_out[level] = (
            np.where(inside, -np.inf, np.inf),
            np.where(inside, np.inf, -np.inf),
        )
    return t_in, t_out


def _ellipsoid(o: list[Lanes], d: list[Lanes]) -> Span:
    """Unit sphere."""
    a = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    b = o[0] * d[0] + o[1] * d[1] + o[2] * d[2]
    return _quadratic(a, b, o[0] * o[0] + o[1] * o[1] + o[2] * o[2] - 1.0)


def _cylinder(o: list[Lanes], d: list[Lanes]) -> Span:
    """Inside the round side and between both caps."""
    a = d[0] * d[0] + d[1] * d[1]
    b = o[0] * d[0] + o[1] * d[1]
    side_in, side_out = _quadratic(a, b, o[0] * o[0] + o[1] * o[1] - 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1.0 / d[2]
        top, bottom = (-1.0 - o[2]) * inverse, (1.0 - o[2]) * inverse
    return (
        np.fmax(side_in, np.minimum(top, bottom)),
        np.fmin(side_out, np.maximum(top, bottom)),
    )


def _normals(
    solids: SolidSet,
    solid: Int64[np.ndarray, " k"],
    to_unit: Float[np.ndarray, "s 3 3"],
    start: Float[np.ndarray, "s 3"],
    distance: Float[np.ndarray, " k"],
    direction: Float[np.ndarray, "k 3"],
) -> Float[np.ndarray, "k 3"]:
    """Unit normals that face the origin: the gradient of the unit shape, taken back to the world.

    Inside a porous solid it is the normal of the nearest face in the unit frame.
    """
    matrix = to_unit[solid]
    place = start[solid] + distance[:, None] * np.einsum("kij,kj->ki", matrix, direction)
    shape = solids.shape[solid]
    face = place.copy()
    size = np.abs(place)
    rows = np.flatnonzero(shape == BOX)
    face[rows] = 0.0
    face[rows, size[rows].argmax(axis=1)] = place[rows, size[rows].argmax(axis=1)]
    rows = np.flatnonzero(shape == CYLINDER)
    on_cap = size[rows, 2] >= np.hypot(place[rows, 0], place[rows, 1])
    face[rows[on_cap], :2] = 0.0
    face[rows[~on_cap], 2] = 0.0
    normal = np.einsum("kij,ki->kj", matrix, face)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return np.where((normal * direction).sum(axis=1, keepdims=True) > 0, -normal, normal)

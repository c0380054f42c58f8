"""Boxes, cylinders and ellipsoids, and the rays that meet them. R rays, S solids, K pairs.

No mesh library: a solid is a unit shape under a turn, a stretch and a shift, so each ray is met in
the solid's own frame by a closed formula. Rays that share an origin are tested together; a cone
around each bounding sphere decides which pairs are looked at in full.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

BOX, CYLINDER, ELLIPSOID = 0, 1, 2

Rows = Float[np.ndarray, " k"]
Rows3 = Float[np.ndarray, "k 3"]
Span = tuple[Rows, Rows, Rows3]  # enters, leaves, normal in the unit frame

_RAY_CHUNK = 2048  # rays culled against the solids at a time
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

    Args:
        solids: What can be hit.
        origin: Common start of the rays, metres.
        direction: Unit vectors. Neighbouring rows should point in similar directions: then whole
            chunks of rays skip most solids.
        chance: One number in [0, 1) a ray; decides how deep a ray gets into porous solids
            (`free_path > 0`), in an order that does not depend on which pairs were culled.
    """
    num_rays = len(direction)
    distance = np.full(num_rays, np.inf)
    solid = np.full(num_rays, -1, np.int64)
    normal = np.zeros((num_rays, 3))
    to_center = solids.center - origin  # (S, 3)
    reach = np.linalg.norm(to_center, axis=1)
    axis = to_center / np.maximum(reach, 1e-12)[:, None]
    half_angle = np.where(
        reach > solids.radius,
        np.arcsin(np.minimum(solids.radius / np.maximum(reach, 1e-12), 1)),
        np.pi,
    )
    min_cosine = np.cos(half_angle) - 1e-9
    start = np.einsum("sji,sj->si", solids.turn, -to_center) / solids.half  # origin, unit frames
    for first in range(0, num_rays, _RAY_CHUNK):
        rays = direction[first : first + _RAY_CHUNK]
        middle = rays.mean(axis=0)
        length = np.linalg.norm(middle)
        near = np.arange(len(solids))
        if length > 0.5:  # the chunk is a narrow bundle: drop solids outside of its own cone
            middle /= length
            bundle = np.arccos(np.clip((rays @ middle).min(), -1, 1))
            near = near[np.arccos(np.clip(axis @ middle, -1, 1)) <= half_angle + bundle + 1e-9]
        if len(near) == 0:
            continue
        ray, column = np.nonzero(rays @ axis[near].T >= min_cosine[near])  # sorted by ray
        if len(ray) == 0:
            continue
        pair_solid = near[column]
        pair_distance, pair_face = _meet(
            solids, pair_solid, start, rays, ray, None if chance is None else chance[first + ray]
        )
        begins = np.flatnonzero(np.r_[True, ray[1:] != ray[:-1]])
        best = np.minimum.reduceat(pair_distance, begins)
        winner = np.flatnonzero(
            (pair_distance == np.repeat(best, np.diff(np.r_[begins, len(ray)])))
            & np.isfinite(pair_distance)
        )
        winner = winner[np.unique(ray[winner], return_index=True)[1]]  # ties: the first solid
        rows = first + ray[winner]
        distance[rows] = pair_distance[winner]
        solid[rows] = pair_solid[winner]
        normal[rows] = _world_normal(solids, pair_solid[winner], pair_face[winner])
    away = np.einsum("ij,ij->i", normal, direction) > 0
    normal[away] *= -1.0
    return Hits(distance=distance, solid=solid, normal=normal)


def _meet(
    solids: SolidSet,
    pair_solid: Int64[np.ndarray, " k"],
    start: Float[np.ndarray, "s 3"],
    rays: Float[np.ndarray, "c 3"],
    ray: Int64[np.ndarray, " k"],
    chance: Float[np.ndarray, " k"] | None,
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k 3"]]:
    """Distance and local surface normal (unit frame) of every pair; inf where they miss."""
    turn = solids.turn[pair_solid]
    d = np.einsum("kji,kj->ki", turn, rays[ray]) / solids.half[pair_solid]  # (K, 3), unit frame
    o = start[pair_solid]
    t_in = np.full(len(ray), np.inf)
    t_out = np.full(len(ray), -np.inf)
    face = np.zeros((len(ray), 3))
    shape = solids.shape[pair_solid]
    for kind, formula in ((BOX, _box), (CYLINDER, _cylinder), (ELLIPSOID, _ellipsoid)):
        rows = np.flatnonzero(shape == kind)
        if len(rows):
            t_in[rows], t_out[rows], face[rows] = formula(o[rows], d[rows])
    missed = (t_in > t_out) | (t_out <= 0)
    t = np.where(t_in > 1e-9, t_in, t_out)  # from inside, the far side is seen
    free_path = solids.free_path[pair_solid]
    porous = np.flatnonzero((free_path > 0) & ~missed)
    if len(porous):
        share = np.zeros(len(porous)) if chance is None else chance[porous]
        share = (share + _GOLDEN * (pair_solid[porous] + 1)) % 1.0
        depth = np.maximum(t_in[porous], 0) - free_path[porous] * np.log1p(-share)
        t[porous] = np.where(depth < t_out[porous], depth, np.inf)
    t[missed] = np.inf
    return t, face


def _box(o: Rows3, d: Rows3) -> Span:
    """Slabs: inside all three pairs of faces."""
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (-1.0 - o) / d, (1.0 - o) / d
    low, high = np.minimum(a, b), np.maximum(a, b)
    flat = np.abs(d) < 1e-15  # parallel to a pair of faces: inside the slab for ever, or never
    inside = np.abs(o) <= 1.0
    low = np.where(flat, np.where(inside, -np.inf, np.inf), low)
    high = np.where(flat, np.where(inside, np.inf, -np.inf), high)
    t_in, t_out = low.max(axis=1), high.min(axis=1)
    entering = t_in > 1e-9
    side = np.where(entering, low.argmax(axis=1), high.argmin(axis=1))
    face = np.zeros_like(o)
    face[np.arange(len(o)), side] = 1.0  # the sign is settled against the ray
    return t_in, t_out, face


def _quadratic(a: Rows, b: Rows, c: Rows) -> tuple[Rows, Rows]:
    """Where a t^2 + 2 b t + c <= 0 for a >= 0: from, to; empty (inf, -inf) when missed."""
    discriminant = b * b - a * c
    solid = (discriminant >= 0) & (a > 1e-18)
    root = np.sqrt(np.where(solid, discriminant, 0.0))
    safe = np.where(solid, a, 1.0)
    never = (a <= 1e-18) & (c > 0)
    low = np.where(solid, (-b - root) / safe, np.where((a <= 1e-18) & ~never, -np.inf, np.inf))
    high = np.where(solid, (-b + root) / safe, np.where((a <= 1e-18) & ~never, np.inf, -np.inf))
    return low, high


def _ellipsoid(o: Rows3, d: Rows3) -> Span:
    """Unit sphere."""
    t_in, t_out = _quadratic((d * d).sum(1), (o * d).sum(1), (o * o).sum(1) - 1.0)
    t = np.where(t_in > 1e-9, t_in, t_out)
    return t_in, t_out, o + np.where(np.isfinite(t), t, 0.0)[:, None] * d


def _cylinder(o: Rows3, d: Rows3) -> Span:
    """Inside the round side and between both caps."""
    xy_o, xy_d = o[:, :2], d[:, :2]
    side_in, side_out = _quadratic(
        (xy_d * xy_d).sum(1), (xy_o * xy_d).sum(1), (xy_o * xy_o).sum(1) - 1.0
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (-1.0 - o[:, 2]) / d[:, 2], (1.0 - o[:, 2]) / d[:, 2]
    flat = np.abs(d[:, 2]) < 1e-15
    inside = np.abs(o[:, 2]) <= 1.0
    cap_in = np.where(flat, np.where(inside, -np.inf, np.inf), np.minimum(a, b))
    cap_out = np.where(flat, np.where(inside, np.inf, -np.inf), np.maximum(a, b))
    t_in, t_out = np.maximum(side_in, cap_in), np.minimum(side_out, cap_out)
    entering = t_in > 1e-9
    t = np.where(entering, t_in, t_out)
    on_cap = np.where(entering, cap_in >= side_in, cap_out <= side_out)
    face = o + np.where(np.isfinite(t), t, 0.0)[:, None] * d
    face[:, 2] = np.where(on_cap, 1.0, 0.0)
    face[on_cap, :2] = 0.0
    return t_in, t_out, face


def _world_normal(solids: SolidSet, solid: Int64[np.ndarray, " k"], face: Rows3) -> Rows3:
    """Gradient of the unit shape, stretched back (divided by the half sizes) and turned."""
    normal = np.einsum("kij,kj->ki", solids.turn[solid], face / solids.half[solid])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return normal / np.maximum(length, 1e-12)

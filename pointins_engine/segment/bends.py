"""How the surface bends from a point to its neighbours. N points, K neighbours."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from pointins_engine.geometry import surface_bend
from pointins_engine.segment.candidates import Links

OUTWARDS = 0.3  # share of an angle that counts where the surface bends outwards


def bends(
    links: Links, coord: Float[np.ndarray, "n 3"], normal: Float[np.ndarray, "n 3"]
) -> Float[np.ndarray, "n k"]:
    """How much each link speaks of two surfaces: 0 = flat or none there, 1 = an inner right angle.

    Objects are mostly convex, so where the surface bends inwards one of them may end; their own
    edges bend outwards and count less.

    Args:
        links: Between the points.
        coord: Positions.
        normal: Unit normals that face outwards.
    """
    count, near = links.neighbour.shape
    source = np.repeat(np.arange(count), near)
    target = np.where(links.neighbour < count, links.neighbour, np.arange(count)[:, None])
    angle, is_outwards = surface_bend(coord, normal, source, target.ravel())
    return np.where(is_outwards, OUTWARDS * angle, angle).reshape(count, near)


def stretched(links: Links, bend: Float[np.ndarray, "n k"], weight: float) -> Links:
    """The same links, each longer by `weight` times its own length for an inner right angle."""
    return replace(links, length=links.length * (1 + weight * bend))

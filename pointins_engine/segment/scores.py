"""How sure a group of points is one object, from geometry and offsets alone.

N points, G groups, V views (a radius, a share of the offsets, and what else links depend on).
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.sparse import coo_array, csr_array

from pointins_engine.segment.bends import bends
from pointins_engine.segment.candidates import nearest_links

NEAREST = 10  # points in space that decide how far a group keeps to itself


def overlaps(members: csr_array) -> csr_array:
    """Points that each two groups share, (G, G); `members` (N, G) holds ones."""
    return (members.T @ members).tocsr()


def scored(
    coord: Float[np.ndarray, "n 3"],
    offset: Float[np.ndarray, "n 3"],
    members: csr_array,
    shared: csr_array,
    is_of_view: Bool[np.ndarray, "g v"],
    full_size: int,
    normal: Float[np.ndarray, "n 3"] | None = None,
) -> Float[np.ndarray, " g"]:
    """Survival x agreement x seclusion² x min(1, size / full_size), each in 0..1."""
    size = shared.diagonal()
    return (
        survival(shared, is_of_view)
        * agreement(coord, offset, members)
        * seclusion(coord, members, normal) ** 2
        * np.minimum(1, size / full_size)
    )


def survival(shared: csr_array, is_of_view: Bool[np.ndarray, "g v"]) -> Float[np.ndarray, " g"]:
    """Mean over views of the best IoU with a group of that view."""
    size = shared.diagonal()
    pairs = shared.tocoo()
    iou = pairs.data / (size[pairs.row] + size[pairs.col] - pairs.data)
    best = np.zeros(is_of_view.shape)
    for view in range(is_of_view.shape[1]):
        mine = is_of_view[pairs.col, view]
        np.maximum.at(best[:, view], pairs.row[mine], iou[mine])
    return best.mean(axis=1)


def agreement(
    coord: Float[np.ndarray, "n 3"], offset: Float[np.ndarray, "n 3"], members: csr_array
) -> Float[np.ndarray, " g"]:
    """(1 + c) / 2, where c is the cosine of all offsets, as one long vector, to the true ones.

    True would be the ways to the group's own centroid. Half of an object, whose votes point to the
    whole one's centroid, and two objects in one, whose votes part, have a low cosine. Offsets of
    length 0 give 1/2.
    """
    size = np.asarray(members.sum(axis=0))
    centroid = (members.T @ coord) / size[:, None]
    # sum of o.(c - x) = c . sum o - sum o.x; sum |c - x|^2 = sum |x|^2 - n |c|^2
    dot = (centroid * (members.T @ offset)).sum(axis=1) - members.T @ (offset * coord).sum(axis=1)
    wanted = members.T @ (coord**2).sum(axis=1) - size * (centroid**2).sum(axis=1)
    length = members.T @ (offset**2).sum(axis=1)
    product = np.sqrt(np.maximum(wanted, 0) * length)
    cosine = np.divide(dot, product, out=np.zeros(len(dot)), where=product > 1e-9)
    return (1 + np.clip(cosine, -1, 1)) / 2


def seclusion(
    coord: Float[np.ndarray, "n 3"],
    members: csr_array,
    normal: Float[np.ndarray, "n 3"] | None = None,
) -> Float[np.ndarray, " g"]:
    """Share of the nearest points in space of a group's points that belong to it too.

    With normals a neighbour counts the less, the more the surface bends on the way to it: an object
    may well end there.
    """
    count = len(coord)
    links = nearest_links(coord, NEAREST, np.inf)
    weight = np.ones(links.length.shape) if normal is None else np.exp(-bends(links, coord, normal))
    weight, neighbour = weight[:, 1:], links.neighbour[:, 1:]  # the first is the point itself
    source = np.repeat(np.arange(count), neighbour.shape[1])
    near = coo_array((weight.ravel(), (source, neighbour.ravel())), shape=(count, count)).tocsr()
    inside = members.multiply(near @ members).sum(axis=0)
    return np.asarray(inside) / (members.T @ weight.sum(axis=1))

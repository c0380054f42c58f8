"""The numbers of a read-out when nobody chooses them, and the scale of a scan. No torch."""

from typing import Literal

import numpy as np
from jaxtyping import Float

from pointins_engine.geometry import median_spacing
from pointins_engine.segment.read_out import ReadOut

# Chosen on simulated development rooms and streets; docs/LOG.md says what else was tried.
EDGES = {  # radii in edges of a cell
    "indoor": (1.0, 1.25, 1.5, 1.85, 2.25, 2.75, 3.35),
    "outdoor": (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0),  # points lie farther apart far away
}
SHARES = {  # of the offsets: without planes most objects stand apart before they move
    ("indoor", "remove"): (0.0, 0.15),
    ("indoor", "keep"): (0.0, 0.25, 0.5),
    ("outdoor", "remove"): (0.0, 0.2),
    ("outdoor", "keep"): (0.0, 0.3),
}
STAY = (
    0.0,
)  # enlarged table-tops are not what the network has learned: votes judge, and move none
BENDS = (0.0, 1.0, 4.0)  # a link over an inner right angle counts as once, twice, five times itself
COLOR_EDGES = 7.5  # edges of a cell that a colour channel's whole range counts as, indoors
JOIN_EDGES = 1.5
CORE_NEIGHBOURS = 4
NUM_NEIGHBOURS = 16
MIN_SIZE = {"indoor": 20, "outdoor": 10}  # cells
LEAST_SCORE = 0.01  # without planes what scores less hardly adds to AP and takes from PQ
SAMPLE = 4_096  # points that are asked for their nearest neighbour


def automatic_read_out(
    grid_size: float,
    *,
    has_color: bool,
    domain: Literal["indoor", "outdoor"],
    planes: Literal["remove", "keep"] = "remove",
    is_enlarged: bool = False,
    radius: float | None = None,
    min_size: int | None = None,
) -> ReadOut:
    """The read-out that is used when nobody chooses one.

    Args:
        grid_size: Edge of a cell in metres; lengths follow it.
        has_color: Whether cells have colours to tell neighbours apart.
        domain: Indoor or outdoor.
        planes: Whether floor, walls and ground are left out.
        is_enlarged: Whether the scan is a table-top at the size of a room.
        radius: Metres, the smallest radius; from the grid size if None.
        min_size: Cells of an instance at least; 20 indoors and 10 outdoors if None.
    """
    smallest = grid_size if radius is None else radius
    by_color = has_color and domain == "indoor"
    return ReadOut(
        radii=tuple(round(smallest * edges, 5) for edges in EDGES[domain]),
        shares=STAY if is_enlarged else SHARES[domain, planes],
        bend_weights=BENDS,
        color_weights=(0.0, round(COLOR_EDGES * grid_size, 5)) if by_color else (0.0,),
        core_neighbours=CORE_NEIGHBOURS,
        num_neighbours=NUM_NEIGHBOURS,
        min_size=MIN_SIZE[domain] if min_size is None else min_size,
        join_radius=round(JOIN_EDGES * grid_size, 5),
    )


def spacing(coord: Float[np.ndarray, "n 3"]) -> float:
    """The scan's own scale: median distance from a point to its nearest other point.

    Same unit as `coord`; 0 for fewer than two points. At most 4,096 points are asked, evenly over
    the rows.
    """
    if len(coord) < 2:
        return 0.0
    step = max(1, -(-len(coord) // SAMPLE))
    return median_spacing(coord, np.arange(0, len(coord), step))

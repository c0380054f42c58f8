"""The kinds of simulated streets: residential, city, industrial and country roads, motorways."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """How one kind of street is drawn; intervals are metres unless a name says otherwise."""

    chance: float
    lanes: tuple[int, int]  # a direction, from and to
    lane_width: tuple[float, float]
    median: float  # chance of a strip between the directions
    parking: float  # chance of parking bays, each side
    walk: tuple[float, float] | None  # width of the sidewalk
    verge: float  # chance of a green strip between road and sidewalk
    crossing: float  # chance
    speed_m_s: tuple[float, float]  # of the traffic
    gap: tuple[float, float]  # between vehicles of a lane
    trucks: float  # share of trucks and buses in the traffic
    two_wheels: float  # share of bicyclists and motorcyclists in the traffic
    people: tuple[int, int]  # on each sidewalk
    steepness: float  # usual grade
    plots: dict[str, float]  # chance of each kind of plot


KINDS = {
    "residential": Kind(
        chance=0.45, lanes=(1, 1), lane_width=(3.0, 4.2), median=0.0, parking=0.5,
        walk=(2.0, 4.0), verge=0.35, crossing=0.6, speed_m_s=(6.0, 10.0), gap=(35.0, 110.0),
        trucks=0.08, two_wheels=0.3, people=(0, 4), steepness=0.02,
        plots={"house": 0.6, "front": 0.12, "park": 0.1, "lot": 0.03, "woods": 0.15},
    ),
    "city": Kind(
        chance=0.28, lanes=(1, 2), lane_width=(3.0, 3.5), median=0.3, parking=0.7,
        walk=(3.4, 6.5), verge=0.2, crossing=0.75, speed_m_s=(5.0, 11.0), gap=(16.0, 55.0),
        trucks=0.14, two_wheels=0.25, people=(4, 13), steepness=0.01,
        plots={"front": 0.74, "park": 0.09, "lot": 0.09, "house": 0.08},
    ),
    "industrial": Kind(
        chance=0.1, lanes=(1, 2), lane_width=(3.2, 3.8), median=0.15, parking=0.5,
        walk=(1.5, 2.2), verge=0.5, crossing=0.5, speed_m_s=(8.0, 13.0), gap=(25.0, 70.0),
        trucks=0.4, two_wheels=0.1, people=(0, 2), steepness=0.008,
        plots={"yard": 0.6, "lot": 0.22, "park": 0.1, "front": 0.08},
    ),
    "country": Kind(
        chance=0.1, lanes=(1, 1), lane_width=(2.9, 3.6), median=0.0, parking=0.0, walk=None,
        verge=0.0, crossing=0.3, speed_m_s=(14.0, 24.0), gap=(40.0, 110.0),
        trucks=0.15, two_wheels=0.2, people=(0, 0), steepness=0.03,
        plots={"field": 0.5, "woods": 0.4, "house": 0.1},
    ),
    "motorway": Kind(
        chance=0.07, lanes=(2, 3), lane_width=(3.5, 3.75), median=1.0, parking=0.0, walk=None,
        verge=0.0, crossing=0.0, speed_m_s=(22.0, 33.0), gap=(22.0, 70.0),
        trucks=0.25, two_wheels=0.08, people=(0, 0), steepness=0.012,
        plots={"woods": 0.55, "field": 0.35, "yard": 0.1},
    ),
}  # fmt: skip

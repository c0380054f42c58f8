"""The simulated world: what a scene costs, and how close it is to real scans.

`python -m benchmarks world`; real columns appear when `$POINTINS_DATA` names a folder with
`semantickitti/`, `nuscenes/`, `pandaset/` (streets), `mosd/` and `pcl/` (rooms).
"""

import multiprocessing
import os
import time
from pathlib import Path

from benchmarks import world_indoor, world_outdoor
from pointins_engine.scenes.simulate.indoor.rooms import simulate_room
from pointins_engine.scenes.simulate.outdoor.streets import simulate_street

NUM_ROOMS, ROOM_POINTS, NUM_STREETS = 100, 100_000, 40
_PROCESSES = 2


def table(folder: Path) -> str:
    """Markdown: seconds for a training set of rooms and of streets, then the comparisons."""
    data = os.environ.get("POINTINS_DATA")
    real = Path(data).expanduser() if data else None
    note = "" if real else "POINTINS_DATA is not set: simulated columns only.\n\n"
    return "\n\n".join(
        [
            _costs(),
            f"### Rooms\n\n{note}{world_indoor.tables(real)}",
            f"### Streets\n\n{note}{world_outdoor.tables(real)}",
        ]
    )


def _costs() -> str:
    rows = [
        f"| scenes, {_PROCESSES} processes | points each | wall clock | processor time a scene |",
        "|---|---|---|---|",
    ]
    for label, make, count in (
        (f"{NUM_ROOMS} rooms", _room, NUM_ROOMS),
        (f"{NUM_STREETS} streets, 64 beams", _street, NUM_STREETS),
    ):
        context = multiprocessing.get_context("spawn")
        with context.Pool(_PROCESSES) as pool:
            pool.map(make, range(_PROCESSES), chunksize=1)  # imports are not timed
            began = time.perf_counter()
            made = pool.map(make, range(count), chunksize=1)
            wall_s = time.perf_counter() - began
        points = sum(n for n, _ in made) / count
        spent = sum(s for _, s in made) / count
        rows.append(f"| {label} | {points:,.0f} | {wall_s:.0f} s | {spent:.2f} s |")
    return "\n".join(rows)


def _room(seed: int) -> tuple[int, float]:
    began = time.process_time()
    return len(simulate_room(seed, ROOM_POINTS)), time.process_time() - began


def _street(seed: int) -> tuple[int, float]:
    began = time.process_time()
    return len(simulate_street(seed)), time.process_time() - began

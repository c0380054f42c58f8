"""A large building: simulated rooms side by side, and what segmenting it costs.

Rooms are simulated once each and used again where the building has more of them, so that millions
of points are there in seconds.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from pointins_engine.scenes.simulate.indoor.rooms import simulate_room
from pointins_engine.scenes.source import simulated_seed
from pointins_engine.types import Scene

GAP = 0.3  # metres between rooms: a wall
DIFFERENT = 16  # rooms; one more is the first again


def building(num_rooms: int, different: int = DIFFERENT) -> Scene:
    """Validation rooms in rows, seen from above, in columns of the largest room's width.

    Args:
        num_rooms: 48,000 points each.
        different: Simulated rooms; the building repeats them.

    Returns:
        Colours, normals and instances, no two rooms with a common id.
    """
    rooms = [simulate_room(simulated_seed(n, 0, "val")) for n in range(min(num_rooms, different))]
    pitch = max(float(np.ptp(room.coord[:, :2], axis=0).max()) for room in rooms) + GAP
    columns = int(np.ceil(np.sqrt(num_rooms)))
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("coord", "color", "normal", "id")}
    used = 0
    for number in range(num_rooms):
        room = rooms[number % len(rooms)]
        assert room.color is not None and room.normal is not None
        assert room.instance_label is not None, "simulated rooms have it all"
        row, column = divmod(number, columns)
        place = np.array([column * pitch, row * pitch, 0]) - room.coord.min(axis=0)
        place[2] = 0  # all floors are at 0
        parts["coord"].append(room.coord + place.astype(np.float32))
        parts["color"].append(room.color)
        parts["normal"].append(room.normal)
        label = room.instance_label
        parts["id"].append(np.where(label >= 0, label + used, -1).astype(np.int32))
        used += int(label.max(initial=-1)) + 1
    return Scene(
        id=f"building_{num_rooms}",
        coord=np.concatenate(parts["coord"]),
        color=np.concatenate(parts["color"]),
        normal=np.concatenate(parts["normal"]),
        instance_label=np.concatenate(parts["id"]),
        source="sim:rooms",
    )


def table(folder: Path) -> str:
    """Points, tiles, time and memory of growing buildings, a process each, on the CPU."""
    rows = [
        "| points | rooms | tiles | instances | seconds | memory |",
        "|---|---|---|---|---|---|",
    ]
    for num_rooms in (1, 26, 105):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.building", str(num_rooms)],
            capture_output=True,
            text=True,
            check=True,
        )
        rows.append(done.stdout.strip().splitlines()[-1])
    return "\n".join(rows)


def _row(num_rooms: int) -> str:
    """One line of the table; memory is the peak of this process."""
    import resource
    import time

    from pointins_engine.segment.network import open_network
    from pointins_engine.segment.pipeline import segment_scene
    from pointins_engine.segment.settings import SegmentSettings

    tiles: set[int] = set()
    network = open_network("builtin:indoor", "cpu")
    scene = building(num_rooms)
    began = time.perf_counter()
    found = segment_scene(
        scene,
        network,
        SegmentSettings(domain="indoor"),
        lambda phase, done, total: tiles.add(total) if phase == "network" else None,
    )
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return (
        f"| {len(scene):,} | {num_rooms} | {max(tiles)} | {len(found.score):,} | {seconds:.0f} | "
        f"{peak:.1f} GiB |"
    )


if __name__ == "__main__":
    print(_row(int(sys.argv[1])))

"""A folder of small scans with known answers: boxes that stand free on a floor."""

from pathlib import Path

import numpy as np

FLOOR_M = 4.0
POINTS_A_BOX = 4000


def write_scan(folder: Path, edges: tuple[float, ...], *, labels: bool = True) -> None:
    """A folder of arrays: a floor, and cubes of these edges in metres on it, in a row along x."""
    rng = np.random.default_rng(len(edges))
    floor = rng.uniform(0, FLOOR_M, (12_000, 3)) * (1, 1, 0)
    parts, instance = [floor], [np.full(len(floor), -1)]
    for number, edge in enumerate(edges):
        middle = np.array([(number + 0.5) * FLOOR_M / len(edges), FLOOR_M / 2, edge / 2 + 0.15])
        parts.append(box_surface(edge, rng) + middle)
        instance.append(np.full(POINTS_A_BOX, number))
    coord, of = np.concatenate(parts), np.concatenate(instance)
    folder.mkdir(parents=True)
    np.save(folder / "coord.npy", coord.astype(np.float32))
    np.save(folder / "color.npy", np.tile(np.uint8([200, 120, 60]), (len(coord), 1)))
    if labels:
        np.save(folder / "instance.npy", of.astype(np.int32))


def box_surface(edge: float, rng: np.random.Generator) -> np.ndarray:
    """Points (n, 3) on the surface of a cube around the origin."""
    point = rng.uniform(-0.5, 0.5, (POINTS_A_BOX, 3))
    side = rng.integers(0, 3, POINTS_A_BOX)
    point[np.arange(POINTS_A_BOX), side] = rng.choice([-0.5, 0.5], POINTS_A_BOX)
    return edge * point


def write_folder(root: Path) -> Path:
    """Scans `small` and `large` with labels, `bare` without, and `torn`, which cannot be read."""
    write_scan(root / "small", (0.4, 0.4, 0.4))
    write_scan(root / "large", (1.0, 1.0))
    write_scan(root / "bare", (0.6,), labels=False)
    (root / "torn").mkdir()
    (root / "torn" / "coord.npy").write_bytes(b"\x93NUMPY\x01\x00")
    return root

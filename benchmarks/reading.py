"""How fast scans are read, beside the library that people would use for the format.

A million points a file. Both sides parse the same file in turn, in one process; CPU time, median of
the ratios, so that a busy machine weighs on both. The last column is the whole way to a scene:
units, up axis and every check, which the libraries leave to their users.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pointins_engine.scenes.datasets.cached import read_scene_file, write_scene
from pointins_engine.scenes.readers import read_scene
from pointins_engine.scenes.readers.arrays import read_npz
from pointins_engine.scenes.readers.las import read_las
from pointins_engine.scenes.readers.lidar import read_kitti
from pointins_engine.scenes.readers.pcd import read_pcd
from pointins_engine.scenes.readers.ply import read_ply
from pointins_engine.scenes.readers.text import read_text

POINTS = 1_000_000
PAIRS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Contest:
    """One file that two sides read."""

    format: str
    path: Path
    peer: str
    ours: Callable[[Path], Any]
    theirs: Callable[[Path], Any]


def table(folder: Path, *, points: int = POINTS, pairs: int = PAIRS) -> str:
    """Points a second and ratios, as a Markdown table."""
    rows = [
        "| format | parsed | peer | parsed by it | ours over the peer | to a checked scene |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join(rows + [_row(contest, points, pairs) for contest in contests(folder, points)])


def contests(folder: Path, points: int) -> list[Contest]:
    """The files, made here, and who reads them."""
    import laspy
    import open3d as o3d

    o3d.utility.set_verbosity_level(o3d.utility.VerbosityLevel.Error)

    def by_open3d(path: Path) -> np.ndarray:
        return np.asarray(o3d.io.read_point_cloud(str(path)).points)

    def by_laspy(path: Path) -> np.ndarray:
        return laspy.read(path).xyz

    paths = write_files(folder, points)
    return [
        Contest(format=name, path=paths[file], peer=peer, ours=ours, theirs=theirs)
        for name, file, peer, ours, theirs in (
            ("PLY, binary", "binary.ply", "Open3D", read_ply, by_open3d),
            ("PLY, ascii", "ascii.ply", "Open3D", read_ply, by_open3d),
            ("PCD, binary", "binary.pcd", "Open3D", read_pcd, by_open3d),
            ("PCD, ascii", "ascii.pcd", "Open3D", read_pcd, by_open3d),
            ("PCD, binary_compressed", "packed.pcd", "Open3D", read_pcd, by_open3d),
            ("XYZ", "a.xyz", "Open3D", read_text, by_open3d),
            ("XYZ", "a.xyz", "np.loadtxt", read_text, np.loadtxt),
            ("LAS", "a.las", "laspy", read_las, by_laspy),
            ("LAZ", "a.laz", "laspy", read_las, by_laspy),
            ("NPZ", "a.npz", "np.load", read_npz, lambda path: np.load(path)["coord"]),
            ("KITTI .bin", "a.bin", "np.fromfile", read_kitti, lambda p: np.fromfile(p, "<f4")),
            ("converted", "a.safetensors", "np.load of .npz", read_scene_file,
             lambda path: np.load(path.with_suffix(".npz"))["coord"]),
        )
    ]  # fmt: skip


def write_files(folder: Path, points: int) -> dict[str, Path]:
    """A level street of `points` points, and a little height, in every format, by name."""
    import laspy
    import open3d as o3d

    rng = np.random.default_rng(0)
    coord = np.round(rng.uniform((-40, -40, 0), (40, 40, 0.2), (points, 3)), 4)
    coord[:10] += (0.0, 0.0, 4.0)
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(coord))
    for name, is_ascii, is_packed in (
        ("binary.ply", False, False), ("ascii.ply", True, False), ("binary.pcd", False, False),
        ("ascii.pcd", True, False), ("packed.pcd", False, True), ("a.xyz", True, False),
    ):  # fmt: skip
        path = str(folder / name)
        o3d.io.write_point_cloud(path, cloud, write_ascii=is_ascii, compressed=is_packed)
    header = laspy.LasHeader(point_format=0, version="1.2")
    header.scales = np.full(3, 0.0001)
    las = laspy.LasData(header)
    las.x, las.y, las.z = coord.T
    for name in ("a.las", "a.laz"):
        las.write(folder / name)
    np.savez(folder / "a.npz", coord=coord.astype(np.float32))
    np.c_[coord, np.zeros(points)].astype("<f4").tofile(folder / "a.bin")
    write_scene(folder / "a.safetensors", read_scene(folder / "a.npz", up="z"), [])
    return {path.name: path for path in folder.iterdir()}


def _row(contest: Contest, points: int, pairs: int) -> str:
    ours, theirs = [], []
    for number in range(pairs + 1):
        sides = [(contest.ours, ours), (contest.theirs, theirs)]
        for read, times in sides if number % 2 else reversed(sides):
            start = time.process_time()
            read(contest.path)
            if number > 0:  # the first round warms up
                times.append(time.process_time() - start)
    whole = "as parsed"
    if contest.path.suffix != ".safetensors":
        start = time.process_time()
        read_scene(contest.path, up="z")
        whole = _speed(points, time.process_time() - start)
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    mine, other = (_speed(points, statistics.median(times)) for times in (ours, theirs))
    return f"| {contest.format} | {mine} | {contest.peer} | {other} | {ratio:.2f} | {whole} |"


def _speed(points: int, seconds: float) -> str:
    return f"{points / seconds / 1e6:.3g} M/s"

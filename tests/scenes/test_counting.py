"""Points are counted from headers and sizes alone, and nothing fails on a file that is none."""

import numpy as np
import pytest

from pointins_engine.scenes.datasets.cached import write_scene
from pointins_engine.scenes.readers.counting import promised_points
from pointins_engine.scenes.tiles import take

N = 1234


def las(minor: int) -> bytes:
    start = bytearray(375)
    start[:4], start[24], start[25] = b"LASF", 1, minor
    if minor >= 4:
        start[247:255] = N.to_bytes(8, "little")
    else:
        start[107:111] = N.to_bytes(4, "little")
    return bytes(start)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ply", f"ply\nformat ascii 1.0\nelement vertex {N}\n".encode()),
        ("a.pcd", f"# .PCD v0.7\nWIDTH 7\nPOINTS {N}\n".encode()),
        ("a.las", las(2)),
        ("a.laz", las(4)),
        ("a.bin", bytes(16 * N)),
        ("a.pcd.bin", bytes(20 * N)),
    ],
)
def test_headers_and_sizes_tell(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert promised_points(tmp_path / name) == N


def test_array_files_tell(tmp_path, room):
    coord = np.zeros((N, 3), np.float32)
    np.save(tmp_path / "a.npy", coord)
    np.savez_compressed(tmp_path / "a.npz", coord=coord, segment=np.zeros(N, np.int64))
    (tmp_path / "office").mkdir()
    np.save(tmp_path / "office" / "coord.npy", coord)
    write_scene(tmp_path / "a.safetensors", take(room, np.arange(N), "a"), [])
    for name in ("a.npy", "a.npz", "office", "a.safetensors"):
        assert promised_points(tmp_path / name) == N


def test_text_is_judged_by_its_first_lines(tmp_path):
    rows = np.random.default_rng(0).uniform(0, 10, (20_000, 3))
    np.savetxt(tmp_path / "a.xyz", rows, fmt="%.3f")
    assert promised_points(tmp_path / "a.xyz") == pytest.approx(20_000, rel=0.02)


@pytest.mark.parametrize("name", ["a.ply", "a.npy", "a.npz", "a.las", "a.safetensors", "a.obj"])
def test_what_is_no_scan_has_no_number(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x07nothing")
    assert promised_points(tmp_path / name) is None
    assert promised_points(tmp_path / f"gone-{name}") is None

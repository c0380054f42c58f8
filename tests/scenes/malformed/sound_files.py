"""Small sound scans in every format, as bytes: what damage starts from. Fixed seed, no libraries
for the formats that are ours; LAS, LAZ and E57 are written by theirs."""

import functools
import io
import json
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

N = 200  # points


@functools.cache
def cloud() -> dict[str, np.ndarray]:
    """A floor and a box on it, 4 m wide, with colours, normals, intensity and two kinds of ids."""
    rng = np.random.default_rng(11)
    coord = rng.uniform((0, 0, 0), (4, 3, 0.02), (N, 3))
    coord[: N // 4] = rng.uniform((1, 1, 0.5), (2, 2, 0.52), (N // 4, 3))
    normal = np.tile([0.0, 0.0, 1.0], (N, 1))
    return {
        "coord": coord,
        "color": rng.integers(0, 256, (N, 3), dtype=np.uint8),
        "normal": normal,
        "intensity": rng.uniform(0, 1, N),
        "label": rng.integers(0, 4, N),
        "instance": rng.integers(0, 6, N),
    }


def table() -> np.ndarray:
    """x y z r g b label instance."""
    c = cloud()
    return np.column_stack([c["coord"], c["color"], c["label"], c["instance"]])


def ply(encoding: str = "binary_little_endian", count: int = N) -> bytes:
    header = (
        f"ply\nformat {encoding} 1.0\nelement vertex {count}\n"
        "property float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        "property int label\nproperty int instance\n"
        "element face 2\nproperty list uchar int vertex_indices\nend_header\n"
    ).encode()
    if encoding == "ascii":
        return header + rows("%.6f %.6f %.6f %d %d %d %d %d") + b"3 0 1 2\n4 0 1 2 3\n"
    order = "<" if "little" in encoding else ">"
    kinds = [f"{order}f4"] * 3 + ["u1"] * 3 + [f"{order}i4"] * 2
    data = np.rec.fromarrays(list(table().T), dtype=list(zip("abcdefgh", kinds, strict=True)))
    faces = b"".join(
        bytes([len(f)]) + np.array(f, f"{order}i4").tobytes() for f in ([0, 1, 2], [0, 1, 2, 3])
    )
    return header + data.tobytes() + faces


def rows(form: str, width: int | None = None) -> bytes:
    return ("\n".join(form % tuple(row[:width]) for row in table()) + "\n").encode()


def pcd(encoding: str = "binary", count: int = N) -> bytes:
    header = (
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z rgb label\n"
        f"SIZE 4 4 4 4 4\nTYPE F F F U U\nCOUNT 1 1 1 1 1\nWIDTH {count}\nHEIGHT 1\n"
        f"VIEWPOINT 0 0 0 1 0 0 0\nPOINTS {count}\nDATA {encoding}\n"
    ).encode()
    c = cloud()
    packed = c["color"].astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    columns = [*c["coord"].T.astype("<f4"), packed.astype("<u4"), c["instance"].astype("<u4")]
    if encoding == "ascii":
        lines = (" ".join(str(value) for value in row) for row in zip(*columns, strict=True))
        return header + "\n".join(lines).encode()
    if encoding == "binary":
        return header + np.rec.fromarrays(columns).tobytes()
    plain = b"".join(column.tobytes() for column in columns)
    packed_bytes = b"".join(  # literals only: sound LZF that is not smaller
        bytes([len(part) - 1]) + part
        for part in (plain[at : at + 32] for at in range(0, len(plain), 32))
    )
    return header + struct.pack("<II", len(packed_bytes), len(plain)) + packed_bytes


def npz(**changes: object) -> bytes:
    c = cloud()
    arrays = {
        "coord": c["coord"].astype(np.float32),
        "color": c["color"],
        "segment": c["label"],
        "instance": c["instance"],
    } | changes
    stream = io.BytesIO()
    np.savez_compressed(stream, **{k: v for k, v in arrays.items() if v is not None})
    return stream.getvalue()


def npy(values: np.ndarray | None = None) -> bytes:
    stream = io.BytesIO()
    np.save(stream, cloud()["coord"].astype(np.float32) if values is None else values)
    return stream.getvalue()


def kitti() -> bytes:
    return np.c_[cloud()["coord"], cloud()["intensity"]].astype("<f4").tobytes()


def nuscenes() -> bytes:
    ring = np.zeros(N)
    return np.c_[cloud()["coord"], 255 * cloud()["intensity"], ring].astype("<f4").tobytes()


@functools.cache
def las(kind: int = 3, *, is_compressed: bool = False, wkt: str = "") -> bytes:
    import laspy

    c = cloud()
    header = laspy.LasHeader(point_format=kind, version="1.2" if kind < 6 else "1.4")
    header.scales, header.offsets = np.full(3, 0.001), np.array([500_000.0, 5_000_000.0, 100.0])
    header.add_extra_dim(laspy.ExtraBytesParams("treeID", np.uint32))
    if wkt:
        header.vlrs.append(laspy.vlrs.known.WktCoordinateSystemVlr(wkt))
    points = laspy.LasData(header)
    points.x, points.y, points.z = (c["coord"] + header.offsets).T
    points.red, points.green, points.blue = c["color"].T.astype(np.uint16) * 257
    points.intensity = np.round(c["intensity"] * 65_535)
    points.classification = np.array([1, 2, 6, 5])[c["label"]]
    points.treeID = c["instance"]
    stream = io.BytesIO()
    points.write(stream, do_compress=is_compressed)
    return stream.getvalue()


@functools.cache
def e57() -> bytes:
    """Two scans, the second turned by a quarter about z and shifted by its pose."""
    pye57 = pytest.importorskip("pye57", reason="E57 needs pye57, an optional package")
    c = cloud()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.e57"
        file = pye57.E57(str(path), mode="w")
        columns = {f"cartesian{axis}": c["coord"][:, k].copy() for k, axis in enumerate("XYZ")}
        columns["intensity"] = c["intensity"].copy()
        for k, name in enumerate(("colorRed", "colorGreen", "colorBlue")):
            columns[name] = c["color"][:, k].copy()
        file.write_scan_raw(columns)
        half = np.sqrt(0.5)
        file.write_scan_raw(
            columns,
            rotation=np.array([half, 0.0, 0.0, half]),
            translation=np.array([10.0, 0.0, 0.0]),
        )
        file.close()
        return path.read_bytes()


def obj() -> bytes:
    return (
        b"o table\nv 0 0 0\nv 4 0 0\nv 4 3 0\nv 0 3 0\nf 1 2 3 4\n"
        b"o box\nv 1 1 1\nv 2 1 1\nv 2 2 1\nf 5 6 7\n"
    )


def stl() -> bytes:
    corners = np.array([[[0, 0, 0], [4, 0, 0], [4, 3, 0]], [[0, 0, 0], [4, 3, 0], [0, 3, 0]]])
    data = np.zeros(2, [("n", "<f4", 3), ("c", "<f4", (3, 3)), ("a", "<u2")])
    data["c"] = corners
    return b"binary".ljust(80, b"\0") + struct.pack("<I", 2) + data.tobytes()


def off() -> bytes:
    return b"OFF\n4 2 0\n0 0 0\n4 0 0\n4 3 0\n0 3 0\n3 0 1 2\n3 0 2 3\n"


def glb() -> bytes:
    """A floor of 4 by 3 m in glTF's axes, y up, and a square above it; one colour each."""
    pieces = [(4.0, 3.0, 0.0, [0.5, 0.0, 0.0, 1.0]), (1.0, 1.0, 1.0, [0.0, 0.5, 0.0, 1.0])]
    blob, views, accessors, meshes, materials = b"", [], [], [], []
    for k, (width, depth, height, color) in enumerate(pieces):
        corner = [[0, height, 0], [width, height, 0], [width, height, -depth], [0, height, -depth]]
        for values, kind, shape in (
            (np.array(corner, "<f4"), 5126, "VEC3"),
            (np.array([0, 1, 2, 0, 2, 3], "<u2"), 5123, "SCALAR"),
        ):
            views.append({"buffer": 0, "byteOffset": len(blob), "byteLength": values.nbytes})
            accessor = {"bufferView": len(views) - 1, "componentType": kind, "type": shape}
            accessors.append(accessor | {"count": len(values)})
            if shape == "VEC3":
                accessors[-1] |= {"min": values.min(0).tolist(), "max": values.max(0).tolist()}
            blob += values.tobytes() + b"\0" * (-values.nbytes % 4)
        primitive = {"attributes": {"POSITION": 2 * k}, "indices": 2 * k + 1, "material": k}
        meshes.append({"name": f"piece{k}", "primitives": [primitive]})
        materials.append({"pbrMetallicRoughness": {"baseColorFactor": color}})
    tree = {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0, 1]}],
        "nodes": [{"mesh": 0}, {"mesh": 1}], "meshes": meshes, "materials": materials,
        "accessors": accessors, "bufferViews": views, "buffers": [{"byteLength": len(blob)}],
    }  # fmt: skip
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    return (
        struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(blob))
        + struct.pack("<I4s", len(text), b"JSON") + text
        + struct.pack("<I4s", len(blob), b"BIN\0") + blob
    )  # fmt: skip


# Name of a file in each format -> its bytes.
SOUND: dict[str, Callable[[], bytes]] = {
    "ascii.ply": lambda: ply("ascii"),
    "little.ply": ply,
    "big.ply": lambda: ply("binary_big_endian"),
    "ascii.pcd": lambda: pcd("ascii"),
    "binary.pcd": pcd,
    "compressed.pcd": lambda: pcd("binary_compressed"),
    "a.npz": npz,
    "a.npy": npy,
    "a.bin": kitti,
    "a.pcd.bin": nuscenes,
    "format3.las": las,
    "format7.las": lambda: las(7),
    "format3.laz": lambda: las(is_compressed=True),
    "format7.laz": lambda: las(7, is_compressed=True),
    "a.e57": e57,
    "plain.xyz": lambda: rows("%.6f %.6f %.6f", 3),
    "named.csv": lambda: b"x,y,z,r,g,b,label,instance\n" + rows("%g,%g,%g,%d,%d,%d,%d,%d"),
    "a.pts": lambda: b"%d\n" % N + rows("%g %g %g 7 %d %d %d", 6),
    "a.obj": obj,
    "a.stl": stl,
    "a.off": off,
    "a.glb": glb,
}

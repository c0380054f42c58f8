"""Datasets in their official layouts, written small: what the tests beside it read."""

import io
import json
import zipfile

import numpy as np
from PIL import Image

from pointins_engine.scenes.datasets.structured3d import panorama_rays, perspective_rays

# ScanNet -------------------------------------------------------------------------------------

TABLE = "scannetv2-labels.combined.tsv"
ROWS = [  # id, raw_category, nyu40id, as in the official table
    (1, "wall", 1),
    (3, "floor", 2),
    (2, "chair", 5),
    (10, "office chair", 5),
    (1191, "mattress", 4),
    (999_999, "unicorn", 40),
]


def write_table(root):
    lines = ["\t".join(("id", "raw_category", "category", "nyu40id"))]
    lines += [f"{raw_id}\t{name}\t{name}\t{nyu}" for raw_id, name, nyu in ROWS]
    (root / TABLE).write_text("\n".join(lines) + "\n")


def grid_mesh(side=12, spacing=0.05):
    """A level sheet of side x side vertices, two triangles a square, facing up."""
    place = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1).reshape(
        -1, 2
    )
    coord = np.c_[place * spacing, np.zeros(side * side)].astype("<f4")
    corner = np.arange(side * side).reshape(side, side)
    a, b, c, d = (corner[i : side - 1 + i, j : side - 1 + j].ravel() for i, j in
                  ((0, 0), (1, 0), (1, 1), (0, 1)))  # fmt: skip
    return coord, np.concatenate([np.c_[a, b, c], np.c_[a, c, d]])


def write_mesh(path, coord, faces, color):
    vertex = np.dtype(
        [(n, "<f4") for n in "xyz"] + [(n, "u1") for n in ("red", "green", "blue", "alpha")]
    )
    face = np.dtype([("num", "u1"), ("vertex_indices", "<i4", 3)])
    table = np.empty(len(coord), vertex)
    for axis, name in enumerate("xyz"):
        table[name] = coord[:, axis]
    for axis, name in enumerate(("red", "green", "blue")):
        table[name] = color[:, axis]
    table["alpha"] = 255
    rows = np.empty(len(faces), face)
    rows["num"], rows["vertex_indices"] = 3, faces
    properties = "".join(f"property float {n}\n" for n in "xyz")
    properties += "".join(f"property uchar {n}\n" for n in ("red", "green", "blue", "alpha"))
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(coord)}\n{properties}"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header.encode() + table.tobytes() + rows.tobytes())


def write_scan(root, id, *, groups=None, folder="scans", segments=None):
    """A scan of 144 vertices in 12 segments of 12; `groups` are (id, label, segments)."""
    coord, faces = grid_mesh()
    color = np.arange(144 * 3).reshape(-1, 3).astype(np.uint8)
    base = root / folder / id
    write_mesh(base / f"{id}_vh_clean_2.ply", coord, faces, color)
    if groups is not None:
        segments = np.repeat(np.arange(12) * 7, 12) if segments is None else segments  # gaps
        (base / f"{id}_vh_clean_2.0.010000.segs.json").write_text(
            json.dumps({"sceneId": id, "segIndices": segments.tolist()})
        )
        listed = [
            {"id": number, "objectId": number, "label": label, "segments": [7 * k for k in places]}
            for number, label, places in groups
        ]
        (base / f"{id}.aggregation.json").write_text(json.dumps({"segGroups": listed}))
    return coord, color


GROUPS = [
    (0, "wall", [0, 1]),
    (1, "office chair", [2, 3, 4]),
    (2, "chair", [4, 5]),  # shares segment 4 with the one before
    (3, "unicorn", [6]),  # of no class, yet an object
    (4, "never heard of", [7]),  # not in the table
]


def write_pointcept(root, split, id, **arrays):
    folder = root / split / id
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    np.save(folder / "coord.npy", rng.uniform(0, 3, (200, 3)).astype(np.float32))
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


# S3DIS ---------------------------------------------------------------------------------------

RNG = np.random.default_rng(5)


def write_object(room, name, num=60):
    table = np.c_[RNG.uniform(0, 4, (num, 3)).round(3), RNG.integers(0, 256, (num, 3))]
    path = room / "Annotations" / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [" ".join([*(f"{v:.3f}" for v in row[:3]), *(f"{v:.0f}" for v in row[3:])])
             for row in table]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")
    return table


# Structured3D: a box-shaped room whose depth images are computed -----------------------------

LOW, HIGH = np.array([0.0, 0.0, 0.0]), np.array([5.0, 4.0, 2.6])  # metres
CAMERA = np.array([2.0, 1.5, 1.2])
FLOOR, WALL, CEILING = 2, 1, 22  # NYU40
ROOM = "Structured3D/scene_00000/2D_rendering/485142"


def png(array, palette=False):
    image = Image.fromarray(array)
    if palette:
        image = image.convert("P") if image.mode != "L" else image
        image.putpalette([v for k in range(256) for v in (k, 255 - k, 7)])
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def cast(rays):
    """Distance along each ray to the walls of the room, and the NYU40 id of what is hit."""
    with np.errstate(divide="ignore"):
        to_wall = np.where(rays > 0, (HIGH - CAMERA) / rays, (LOW - CAMERA) / rays)
    axis = to_wall.argmin(axis=-1)
    label = np.where(axis < 2, WALL, np.where(rays[..., 2] > 0, CEILING, FLOOR))
    return to_wall.min(axis=-1), label.astype(np.uint8)


def images(rays):
    distance, label = cast(rays)
    label[:3, :3] = 0  # not labelled
    depth = np.round(distance * 1000).astype(np.uint16)
    depth[-1, -2:] = 0, 65_535  # not measured
    color = np.zeros((*depth.shape, 3), np.uint8)
    color[..., 0] = label * 5
    return {
        "depth.png": png(depth),
        "semantic.png": png(label, palette=True),
        "rgb_rawlight.png": png(color),
    }


def room_files(perspective=False):
    rays = panorama_rays(64, 128)
    files = {f"{ROOM}/panorama/full/{name}": data for name, data in images(rays).items()}
    x, y, z = CAMERA * 1000
    files[f"{ROOM}/panorama/camera_xyz.txt"] = f"{x} {y} {z}".encode()
    if perspective:
        front, up, fov = np.array([0.0, 1, 0]), np.array([0.0, 0, 1]), np.array([0.6, 0.4])
        rays = perspective_rays(48, 80, front, up, fov)
        place = f"{ROOM}/perspective/full/0"
        files |= {f"{place}/{name}": data for name, data in images(rays).items()}
        files[f"{place}/camera_pose.txt"] = f"{x} {y} {z} 0 1 0 0 0 1 0.6 0.4 1".encode()
    return files


def unpacked(root, files):
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def packed(root, files):
    for kind in ("panorama", "perspective"):
        name = {"panorama": "panorama", "perspective": "perspective_full"}[kind]
        with zipfile.ZipFile(root / f"Structured3D_{name}_00.zip", "w") as archive:
            for file, data in files.items():
                if f"/{kind}/" in file:
                    archive.writestr(file, data)
    return root

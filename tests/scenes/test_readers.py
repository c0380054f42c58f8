"""Readers give back what was written, in every encoding, and name what is wrong with bad files."""

import io
import zipfile

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers import clean_id, read_scene, read_scene_and_notes
from pointins_engine.scenes.readers.pcd import lzf_unpack

N = 150


@pytest.fixture
def cloud():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(N, 3))
    return {
        "coord": rng.uniform(-3, 3, (N, 3)).astype(np.float32),
        "color": rng.integers(0, 256, (N, 3), dtype=np.uint8),
        "normal": (normal / np.linalg.norm(normal, axis=1, keepdims=True)).astype(np.float32),
        "label": rng.integers(0, 4, N).astype(np.int32),
    }


def ply_header(encoding, count=N, extra=""):
    return (
        f"ply\nformat {encoding} 1.0\ncomment made by a test\nelement vertex {count}\n"
        "property float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        "property float nx\nproperty float ny\nproperty float nz\n"
        f"property int label\nproperty int instance\n{extra}end_header\n"
    ).encode()


def ply_table(cloud, order):
    table = np.zeros(
        N,
        [(n, f"{order}f4") for n in "xyz"]
        + [(n, "u1") for n in "rgb"]
        + [(f"n{n}", f"{order}f4") for n in "xyz"]
        + [("label", f"{order}i4"), ("instance", f"{order}i4")],
    )
    for k, n in enumerate("xyz"):
        table[n], table[f"n{n}"] = cloud["coord"][:, k], cloud["normal"][:, k]
        table["rgb"[k]] = cloud["color"][:, k]
    table["label"], table["instance"] = cloud["label"], cloud["label"] * 7
    return table


def assert_same_cloud(scene, cloud):
    np.testing.assert_array_equal(scene.coord, cloud["coord"])
    np.testing.assert_array_equal(scene.color, cloud["color"])
    np.testing.assert_allclose(scene.normal, cloud["normal"], atol=1e-6)


@pytest.mark.parametrize("encoding", ["binary_little_endian", "binary_big_endian", "ascii"])
def test_ply_comes_back_exactly(tmp_path, cloud, encoding):
    path = tmp_path / "scan.ply"
    order = ">" if "big" in encoding else "<"
    table = ply_table(cloud, order)
    face = "element face 1\nproperty list uchar int vertex_indices\n"
    if encoding == "ascii":
        rows = "\n".join(" ".join(repr(v.item()) for v in row) for row in table)
        path.write_bytes(ply_header(encoding, extra=face) + rows.encode() + b"\n3 0 1 2\n")
    else:
        tail = b"\x03" + np.arange(3, dtype=f"{order}i4").tobytes()
        path.write_bytes(ply_header(encoding, extra=face) + table.tobytes() + tail)
    scene = read_scene(path)
    assert_same_cloud(scene, cloud)
    names = np.array(scene.class_names)
    np.testing.assert_array_equal(
        names[scene.semantic_label], [f"class_{k}" for k in cloud["label"]]
    )
    np.testing.assert_array_equal(
        scene.instance_label, np.where(cloud["label"] > 0, cloud["label"] * 7, -1)
    )


def test_ply_color_may_be_called_diffuse_and_elements_may_come_first(tmp_path, cloud):
    path = tmp_path / "scan.ply"
    header = (
        "ply\nformat binary_little_endian 1.0\nelement camera 2\nproperty double f\n"
        f"element vertex {N}\nproperty double x\nproperty double y\nproperty double z\n"
        "property uchar diffuse_red\nproperty uchar diffuse_green\nproperty uchar diffuse_blue\n"
        "property float scalar_Intensity\nend_header\n"
    )
    table = np.zeros(N, [(n, "<f8") for n in "xyz"] + [(n, "u1") for n in "rgb"] + [("i", "<f4")])
    for k, n in enumerate("xyz"):
        table[n], table["rgb"[k]] = cloud["coord"][:, k], cloud["color"][:, k]
    table["i"] = np.arange(N)
    path.write_bytes(header.encode() + np.zeros(2).tobytes() + table.tobytes())
    scene = read_scene(path)
    np.testing.assert_array_equal(scene.coord, cloud["coord"])
    np.testing.assert_array_equal(scene.color, cloud["color"])
    np.testing.assert_allclose(scene.intensity, np.arange(N) / 255, atol=1e-6)


def lzf_pack(data):
    """A plain LZF packer: matches of three bytes or more found through a table of last places."""
    out, literals, last, at = bytearray(), bytearray(), {}, 0

    def flush():
        for start in range(0, len(literals), 32):
            part = literals[start : start + 32]
            out.extend([len(part) - 1, *part])
        literals.clear()

    while at < len(data):
        key = data[at : at + 3]
        seen = last.get(key, -1) if len(key) == 3 else -1
        last[key] = at
        if seen < 0 or at - seen > 8191:
            literals.append(data[at])
            at += 1
            continue
        length = 3
        while length < 264 and at + length < len(data) and data[seen + length] == data[at + length]:
            length += 1
        flush()
        distance, code = at - seen - 1, length - 2
        if code < 7:
            out.extend([(code << 5) | (distance >> 8), distance & 255])
        else:
            out.extend([(7 << 5) | (distance >> 8), code - 7, distance & 255])
        at += length
    flush()
    return bytes(out)


@pytest.mark.parametrize(
    "data", [b"", b"abc", b"a" * 1000, b"abcabcabcabcabcabd" * 40, bytes(range(256)) * 3]
)
def test_lzf_unpacks_what_was_packed(data):
    assert lzf_unpack(lzf_pack(data), len(data)) == data


def test_lzf_known_stream():
    # two literals "ab", then 6 bytes from 2 back: the copy overlaps what it writes
    assert lzf_unpack(bytes([1, 97, 98, (4 << 5) | 0, 1]), 8) == b"abababab"


def pcd_header(encoding, count=N, rgb="F"):
    return (
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\n"
        "FIELDS x y z rgb normal_x normal_y normal_z label intensity\n"
        f"SIZE 4 4 4 4 4 4 4 4 4\nTYPE F F F {rgb} F F F U F\nCOUNT 1 1 1 1 1 1 1 1 1\n"
        f"WIDTH {count}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {count}\nDATA {encoding}\n"
    ).encode()


def pcd_columns(cloud):
    packed = cloud["color"].astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    return [
        *cloud["coord"].T,
        packed.astype(np.uint32),
        *cloud["normal"].T,
        cloud["label"].astype(np.uint32),
        np.linspace(0, 1, N, dtype=np.float32),
    ]


@pytest.mark.parametrize("encoding", ["ascii", "binary", "binary_compressed"])
@pytest.mark.parametrize("rgb", ["F", "U"])
def test_pcd_comes_back_exactly(tmp_path, cloud, encoding, rgb):
    path = tmp_path / "scan.pcd"
    columns = pcd_columns(cloud)
    if encoding == "ascii":
        # A float that holds 0x00RRGGBB is a denormal; it has to survive being written as text.
        texts = [
            [repr(v.item()) for v in (c.view("<f4") if k == 3 and rgb == "F" else c)]
            for k, c in enumerate(columns)
        ]
        body = "\n".join(" ".join(row) for row in zip(*texts, strict=True)).encode()
    elif encoding == "binary":
        body = np.rec.fromarrays(columns).tobytes()
    else:
        plain = b"".join(c.tobytes() for c in columns)
        packed = lzf_pack(plain)
        body = np.array([len(packed), len(plain)], "<u4").tobytes() + packed
    path.write_bytes(pcd_header(encoding, rgb=rgb) + body)
    scene = read_scene(path)
    assert_same_cloud(scene, cloud)
    np.testing.assert_array_equal(
        scene.instance_label, np.where(cloud["label"] > 0, cloud["label"], -1)
    )
    np.testing.assert_allclose(scene.intensity, np.linspace(0, 1, N), atol=1e-6)


def test_a_depth_image_is_turned_to_z_up_and_says_so(depth_image):
    scene, notes = read_scene_and_notes(depth_image)
    assert any("turned from camera axes to z up" in note for note in notes)
    assert scene.num_dropped > 0
    on_table = scene.coord[scene.instance_label < 10]  # label = 10 * object + part
    low, high = np.percentile(on_table[:, 2], [10, 90])
    assert high - low < 0.05  # metres: the table is level
    above = scene.coord[scene.instance_label >= 10, 2]
    assert np.median(above) > np.median(on_table[:, 2])  # and what stands on it is above it


def test_a_depth_image_without_its_grid_is_known_by_its_view(tmp_path, table_view):
    path = table_view(tmp_path / "t.pcd")
    data = path.read_bytes().replace(b"WIDTH 80\nHEIGHT 60", b"WIDTH 4800\nHEIGHT 1")
    path.write_bytes(data)
    assert any("camera axes" in note for note in read_scene_and_notes(path)[1])


def test_labels_stay_with_their_points_when_points_are_dropped(tmp_path, cloud):
    coord = cloud["coord"].copy()
    coord[::4, 1] = np.nan
    coord[1, 0] = np.inf
    np.savez(tmp_path / "a.npz", xyz=coord, instance=cloud["label"], rgb=cloud["color"] / 255.0)
    scene = read_scene(tmp_path / "a.npz")
    kept = np.isfinite(coord).all(axis=1)
    assert scene.num_dropped == (~kept).sum() == 39
    np.testing.assert_array_equal(scene.coord, coord[kept])
    np.testing.assert_array_equal(scene.instance_label, cloud["label"][kept])
    np.testing.assert_array_equal(scene.color, cloud["color"][kept])


@pytest.mark.parametrize("width", [3, 4, 6, 9])
def test_npy_columns_are_read_by_their_number(tmp_path, cloud, width):
    columns = [cloud["coord"], cloud["color"], cloud["normal"]]
    table = np.concatenate(columns, axis=1)[:, : max(width, 3)].astype(np.float32)
    if width == 4:
        table[:, 3] = np.linspace(0, 1, N)
    np.save(tmp_path / "a.npy", np.asfortranarray(table))
    scene = read_scene(tmp_path / "a.npy")
    np.testing.assert_array_equal(scene.coord, cloud["coord"])
    assert (scene.intensity is not None) == (width == 4)
    assert (scene.color is not None) == (width >= 6)
    assert (scene.normal is not None) == (width == 9)


def test_a_folder_of_arrays_is_one_scene(tmp_path, cloud):
    for name, value in {
        "coord": cloud["coord"],
        "color": cloud["color"],
        "strength": np.full((N, 1), 0.5, np.float32),
        "segment": cloud["label"][:, None].astype(np.int16) - 1,
        "instance": cloud["label"] - 1,
    }.items():
        np.save(tmp_path / f"{name}.npy", value)
    scene = read_scene(tmp_path, id="office_1")
    assert scene.id == "office_1"
    assert (scene.intensity == 0.5).all()
    np.testing.assert_array_equal(scene.semantic_label, cloud["label"] - 1)
    np.testing.assert_array_equal(scene.instance_label, cloud["label"] - 1)


def test_units_scale_to_metres_and_far_coordinates_get_an_origin(tmp_path, cloud):
    far = cloud["coord"].astype(np.float64) * 1000 + np.array([4.5e8, 5.3e9, 2e5])
    np.savez(tmp_path / "a.npz", coord=far)
    scene = read_scene(tmp_path / "a.npz", units="mm")
    back = scene.coord.astype(np.float64) + scene.origin
    np.testing.assert_allclose(back, far / 1000, atol=1e-6 + 2**-21)  # float32 within 4 m
    assert abs(scene.coord).max() < 10


def test_kitti_labels_map_to_19_classes_and_things_alone_have_instances(tmp_path, cloud):
    from tests.scenes.conftest import write_labels, write_sweep

    path = write_sweep(tmp_path, "000000", cloud["coord"], np.linspace(0, 1, N))
    raw_class = np.resize([10, 252, 40, 99, 30, 30], N)
    raw_instance = np.resize([5, 5, 7, 3, 5, 0], N)
    write_labels(path, raw_class, raw_instance)
    scene = read_scene(path)
    names = np.array([*scene.class_names, "none"])
    assert names[scene.semantic_label][:6].tolist() == [
        "car", "car", "road", "none", "person", "person",
    ]  # fmt: skip
    first = scene.instance_label[:6]
    assert 0 <= first[0] != first[1] >= 0  # the same number, another raw class: another object
    assert first[4] >= 0 and first[4] not in (first[0], first[1])
    assert first[2] == first[3] == first[5] == -1
    np.testing.assert_allclose(scene.intensity, np.linspace(0, 1, N), atol=1e-7)


def test_borrowed_kitti_layout_brings_its_own_class_names(tmp_path, cloud):
    from tests.scenes.conftest import write_labels, write_sweep

    path = write_sweep(tmp_path, "000000", cloud["coord"], np.zeros(N))
    write_labels(path, np.resize([13, 7, 0], N), np.resize([2, 0, 0], N))
    (tmp_path / "classes.json").write_text('{"7": "Road", "13": "Car"}')
    scene = read_scene(path)
    assert scene.class_names == ("Road", "Car")
    assert scene.semantic_label[:3].tolist() == [1, 0, -1]
    assert scene.instance_label[:3].tolist() == [13 * 65536 + 2, -1, -1]


def test_nuscenes_intensity_is_scaled_to_one(tmp_path, cloud):
    path = tmp_path / "sweep.pcd.bin"
    table = np.c_[cloud["coord"], np.linspace(0, 255, N), np.zeros(N)].astype("<f4")
    table.tofile(path)
    scene = read_scene(path)
    assert scene.id == "sweep"
    np.testing.assert_array_equal(scene.coord, cloud["coord"])
    np.testing.assert_allclose(scene.intensity, np.linspace(0, 1, N), atol=1e-6)


# --- files that are wrong -------------------------------------------------------------------------


def test_a_promise_of_more_points_than_there_are_names_both_counts(tmp_path, cloud):
    plain = ply_table(cloud, "<").tobytes()
    huge = 10**12
    (tmp_path / "a.ply").write_bytes(ply_header("binary_little_endian", huge) + plain)
    (tmp_path / "b.ply").write_bytes(ply_header("ascii", huge) + b"1 " * 11 * N)
    columns = pcd_columns(cloud)
    body = np.rec.fromarrays(columns).tobytes()
    (tmp_path / "c.pcd").write_bytes(pcd_header("binary", huge) + body)
    (tmp_path / "d.pcd").write_bytes(pcd_header("ascii", huge) + b"1 " * 9 * N)
    for name in ("a.ply", "b.ply", "c.pcd", "d.pcd"):
        with pytest.raises(SceneError, match=r"promises 1,000,000,000,000 .* holds 150"):
            read_scene(tmp_path / name)


@pytest.mark.parametrize("sizes", [(4_000_000_000, 36 * N), (10, 36 * 10**6), (10, 36 * N)])
def test_compressed_pcd_with_wrong_sizes_fails_before_it_unpacks(tmp_path, sizes):
    packed, unpacked = sizes
    count = unpacked // 36
    body = np.array([packed, unpacked], "<u4").tobytes() + bytes([31] * 10)
    (tmp_path / "a.pcd").write_bytes(pcd_header("binary_compressed", count) + body)
    with pytest.raises(SceneError, match=rf"promises {count:,} points"):
        read_scene(tmp_path / "a.pcd")


def test_npy_header_that_promises_too_much(tmp_path):
    stream = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**15, 3)}
    np.lib.format.write_array_header_1_0(stream, header)
    (tmp_path / "a.npy").write_bytes(stream.getvalue() + b"\0" * 24)
    with pytest.raises(SceneError, match=r"promises 3,000,000,000,000,000 values.*holds 6"):
        read_scene(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("coord.npy", stream.getvalue())
    with pytest.raises(SceneError, match="promises"):
        read_scene(tmp_path / "a.npz")


def test_pickles_are_never_opened(tmp_path):
    np.savez(tmp_path / "a.npz", coord=np.array([{"x": 1}], dtype=object))
    with pytest.raises(SceneError, match="Python objects"):
        read_scene(tmp_path / "a.npz")


def test_labels_of_another_sweep_name_both_counts(tmp_path, cloud):
    from tests.scenes.conftest import write_labels, write_sweep

    path = write_sweep(tmp_path, "000000", cloud["coord"], np.zeros(N))
    write_labels(path, np.zeros(N - 1), np.zeros(N - 1))
    with pytest.raises(SceneError, match=r"149 labels for the 150 points"):
        read_scene(path)
    np.savez(tmp_path / "a.npz", coord=cloud["coord"], segment=np.zeros(N + 2, int))
    with pytest.raises(SceneError, match=r"152 rows for 150 points"):
        read_scene(tmp_path / "a.npz")


def test_too_few_points_are_no_scene(tmp_path, cloud):
    coord = cloud["coord"].copy()
    coord[90:] = np.nan
    np.save(tmp_path / "a.npy", coord)
    with pytest.raises(SceneError, match="90 of 150 points have a finite position"):
        read_scene(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.ply", b"ply\nformat ascii 1.0\nelement vertex x\nend_header\n", "cannot be read"),
        ("a.ply", b"solid of something else", "not a PLY file"),
        ("a.ply", b"ply\nformat ascii 1.0\nelement face 1\nend_header\n", "no `vertex`"),
        ("a.pcd", b"nothing of the kind", "no DATA line"),
        ("a.pcd", b"FIELDS x\nSIZE 4 4\nTYPE F\nPOINTS 1\nDATA ascii\n", "do not fit together"),
        ("a.npz", b"PK not quite", "not an NPZ"),
        ("a.npy", b"\x93NUMPY", "not a NumPy array"),
        ("a.bin", b"\0" * 20 * 7, "It would fit 5 values a point"),
        ("a.pcd.bin", b"\0" * 21, "no whole number of points of 5"),
        ("a.scan", b"1 2 3", r"unknown format; these can be read: \.ply"),
    ],
)
def test_broken_files_say_what_is_wrong(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SceneError, match=message):
        read_scene(tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SceneError, match="no such file or folder"):
        read_scene(tmp_path / "gone.ply")


@pytest.mark.parametrize("name", ["a b/ü+c", "...", "x" * 300, "scene0000_00"])
def test_ids_hold_only_what_a_file_name_may(name):
    import re

    assert re.fullmatch(r"[A-Za-z0-9._-]{1,100}", clean_id(name))

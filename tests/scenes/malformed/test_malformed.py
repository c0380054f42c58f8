"""Every damaged file ends in a sentence about it, and no header is believed with memory.

A row of `FILES` is a name, how its bytes are made, and words that the message must hold.
"""

import io
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers import read_scene
from tests.scenes.malformed import sound_files as sound

_SPARE = 24 << 20  # bytes of memory that any file may take: buffers and libraries
_GAIN = 30  # bytes of memory a byte of the file


def cut(data: bytes, share: float = 0.6) -> bytes:
    return data[: int(share * len(data))]


def patched(data: bytes, at: int, layout: str, *values: int) -> bytes:
    return data[:at] + struct.pack(layout, *values) + data[at + struct.calcsize(layout) :]


def npy_header(descr: str, shape: str) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def bomb(name: str, size: int) -> bytes:
    """An archive whose array is all zeros: a thousand times smaller than what it unpacks to."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        if name != "coord":
            archive.writestr("coord.npy", sound.npy())
        with archive.open(f"{name}.npy", "w") as file:
            file.write(npy_header("'<f4'", f"({size // 12}, 3)"))
            for _ in range(size >> 20):
                file.write(bytes(1 << 20))
    return stream.getvalue()


def lying_sizes() -> bytes:
    """An archive that says its array is small, and unpacks to something else."""
    plain = sound.npz()
    at = plain.rindex(b"PK\x01\x02")
    return patched(plain, at + 24, "<I", 10)


def lzf_bomb() -> bytes:
    """Three bytes that repeat what came before 264 times, and a header that asks for all of it."""
    count = 10**7
    header = sound.pcd("binary_compressed", count).split(b"DATA")[0]
    packed = b"\x00\x00" + b"\xe0\xff\x00" * 1000
    return (
        header + b"DATA binary_compressed\n" + struct.pack("<II", len(packed), 20 * count) + packed
    )


def wild_e57(old: bytes, new: bytes) -> bytes:
    data = sound.e57()
    assert old in data and len(old) == len(new)
    return data.replace(old, new)


def wild_table(data: bytes) -> bytes:
    """A table of compressed pieces that promises four thousand million of them."""
    point_offset = struct.unpack_from("<I", data, 96)[0]
    place = struct.unpack_from("<q", data, point_offset)[0]
    return patched(data, place + 4, "<I", 2**32 - 1)


def wild_piece(data: bytes) -> bytes:
    """The same table with another size of its only piece; sizes are compressed themselves."""
    point_offset = struct.unpack_from("<I", data, 96)[0]
    place = struct.unpack_from("<q", data, point_offset)[0]
    return patched(data, place + 8, "<I", 2**32 - 1)


def wild_layer(data: bytes) -> bytes:
    """A layer of four thousand million bytes, behind the first point and the number of points."""
    point_offset, length = struct.unpack_from("<I", data, 96)[0], data[105] + 256 * data[106]
    return patched(data, point_offset + 8 + length + 4, "<I", 2**32 - 1)


def rows(line: str, count: int = 150) -> bytes:
    return f"{line}\n".encode() * count


FLOOR = sound.rows("%.3f %.3f %.3f", 3)
HUGE = 10**12

FILES: list[tuple[str, Callable[[], bytes], str]] = [
    ("empty.ply", lambda: b"", "is empty"),
    ("empty.las", lambda: b"", "is empty"),
    ("empty.xyz", lambda: b"", "is empty"),
    # --- PLY
    ("cut.ply", lambda: cut(sound.ply()), "promises 200 vertices, the file holds"),
    ("cut_ascii.ply", lambda: cut(sound.ply("ascii")), "promises 200 vertices, the file holds"),
    ("huge.ply", lambda: sound.ply(count=HUGE), "promises 1,000,000,000,000 vertices"),
    ("huge_ascii.ply", lambda: sound.ply("ascii", HUGE), "promises 1,000,000,000,000 vertices"),
    ("negative.ply", lambda: sound.ply(count=-5), "negative count"),
    ("digits.ply", lambda: sound.ply().replace(b" 200", b" " + b"9" * 5000), "cannot be read"),
    ("twice.ply", lambda: sound.ply().replace(b"uchar green", b"uchar red"), "property `red` of"),
    ("typed.ply", lambda: sound.ply().replace(b"float x", b"quad x"), "cannot be read"),
    ("list.ply", lambda: sound.ply().replace(b"float x", b"list uchar float x"), "has a list"),
    ("oddlist.ply", lambda: sound.ply().replace(b"list uchar", b"list float"), "cannot be read"),
    ("orphan.ply", lambda: b"ply\nformat ascii 1.0\nproperty float x\nend_header\n", "header line"),
    ("bare.ply", lambda: b"ply\nformat ascii 1.0\nelement vertex 9\nend_header\n1\n", "x, y and z"),
    ("endless.ply", lambda: b"ply\n" + b"comment x\n" * 100_000, "not a PLY file"),
    ("letters.ply", lambda: sound.ply("ascii").replace(b"\n0", b"\nO", 1), "where a number is"),
    ("wide.ply", lambda: sound.ply("ascii").replace(b"end_header\n",
     b"end_header\n1 2 3 999 0 0 0 0\n"), "holds values that its type uint8 cannot"),
    # --- PCD
    ("cut.pcd", lambda: cut(sound.pcd()), "promises 200 points, the file holds"),
    ("cut_packed.pcd", lambda: cut(sound.pcd("binary_compressed")), "promises 200 points"),
    ("cut_ascii.pcd", lambda: cut(sound.pcd("ascii")), "promises 200 points, the file holds"),
    ("huge.pcd", lambda: sound.pcd(count=HUGE), "promises 1,000,000,000,000 points"),
    ("negative.pcd", lambda: sound.pcd(count=-1), "is negative"),
    ("count.pcd", lambda: sound.pcd().replace(b"COUNT 1", b"COUNT 1000000000"), "fit together"),
    ("zero.pcd", lambda: sound.pcd().replace(b"COUNT 1", b"COUNT 0"), "fit together"),
    ("size.pcd", lambda: sound.pcd().replace(b"SIZE 4", b"SIZE 3"), "fit together"),
    ("twice.pcd", lambda: sound.pcd().replace(b"FIELDS x y", b"FIELDS x x"), "fit together"),
    ("kind.pcd", lambda: sound.pcd().replace(b"TYPE F", b"TYPE Q"), "fit together"),
    ("lzf.pcd", lzf_bomb, "promises 10,000,000 points"),
    ("back.pcd", lambda: sound.pcd("binary_compressed").replace(b"\x1f", b"\xff", 1), "promises"),
    ("nodata.pcd", lambda: sound.pcd().replace(b"DATA", b"ATAD"), "no DATA line"),
    # --- NumPy
    ("cut.npy", lambda: cut(sound.npy()), "promises 600 values"),
    ("cut.npz", lambda: cut(sound.npz()), "not an NPZ archive"),
    ("huge.npy", lambda: npy_header("'<f4'", f"({HUGE}, 3)") + bytes(2400), "promises"),
    ("negative.npy", lambda: npy_header("'<f4'", "(-200, 3)") + bytes(2400), "has shape"),
    ("deep.npy", lambda: npy_header("(" * 3000, "1") + bytes(2400), "not a NumPy array"),
    ("pickled.npy", lambda: sound.npy(np.array([{"x": 1}] * 200, object)), "Python objects"),
    ("words.npy", lambda: sound.npy(np.array([["a", "b", "c"]] * 200)), "plain numbers"),
    ("pickled.npz", lambda: sound.npz(coord=np.array([{"x": 1}], object)), "Python objects"),
    ("bomb.npz", lambda: bomb("coord", 64 << 20), "no scan does that"),
    ("labels.npz", lambda: bomb("segment", 64 << 20), "too many for 200 points"),
    ("lying.npz", lying_sizes, "NPZ archive"),
    ("flipped.npz", lambda: sound.npz()[:300] + b"\xff" * 64 + sound.npz()[364:], "NPZ archive"),
    ("half.npz", lambda: sound.npz(instance=np.full(200, 0.5)), "no whole number"),
    ("nan.npz", lambda: sound.npz(coord=np.full((200, 3), np.nan)), "0 of 200 points"),
    ("far.npz", lambda: sound.npz(coord=np.full((200, 3), 1e300)), "0 of 200 points"),
    ("flat.npz", lambda: sound.npz(coord=np.zeros(600)), "shape"),
    # --- LAS, LAZ
    ("cut.las", lambda: cut(sound.las()), "promises 200 points, the file holds"),
    ("cut.laz", lambda: cut(sound.las(is_compressed=True)), "table of compressed pieces"),
    ("huge.las", lambda: patched(sound.las(), 107, "<I", 2**32 - 1), "promises 4,294,967,295"),
    ("huge.laz", lambda: patched(sound.las(is_compressed=True), 107, "<I", 2**32 - 1), "promises"),
    ("huge7.las", lambda: patched(sound.las(7), 247, "<Q", 2**60), "promises 1,152,921,504"),
    ("more.laz", lambda: patched(sound.las(is_compressed=True), 107, "<I", 9000),
     "cannot be decoded|holds"),
    ("records.las", lambda: patched(sound.las(), 100, "<I", 2**32 - 1), "records, more than fit"),
    ("record.las", lambda: patched(sound.las(), 227 + 20, "<H", 65535), "bytes"),
    ("start.las", lambda: patched(sound.las(), 96, "<I", 2**31), "header is damaged"),
    ("kind.las", lambda: patched(sound.las(), 104, "<B", 63), "cannot be decoded"),
    ("length.las", lambda: patched(sound.las(), 105, "<H", 0), "promises|decoded"),
    ("noise.laz", lambda: sound.las(is_compressed=True)[:600] + b"\x55" * 3000, "pieces"),
    ("table.laz", lambda: wild_table(sound.las(is_compressed=True)), "table of compressed pieces"),
    ("pieces.laz", lambda: wild_piece(sound.las(is_compressed=True)), "promises .* bytes"),
    ("layers.laz", lambda: wild_layer(sound.las(7, is_compressed=True)), "promises 4,294,9"),
    ("other.las", lambda: b"LASX" + sound.las()[4:], "not a LAS file"),
    ("degrees.las", lambda: sound.las(wkt='GEOGCS["WGS 84",UNIT["degree",0.0174532925199433]]'),
     "are degrees"),
    # --- E57
    ("cut.e57", lambda: cut(sound.e57()), "It was cut off or is damaged"),
    ("other.e57", lambda: b"ASTM-E58" + sound.e57()[8:], "not an E57 file"),
    ("page.e57", lambda: patched(sound.e57(), 40, "<Q", 2**40), "promises"),
    ("xml.e57", lambda: wild_e57(b"<e57Root", b"<e57Ruut"), "XML of the E57 file is damaged"),
    ("entity.e57", lambda: wild_e57(b'<?xml version="1.0"', b'<!DOCTYPE a "1.0"  '), "entities"),
    ("word.e57", lambda: wild_e57(b'recordCount="200"', b'recordCount="9e9"'), "XML .* damaged"),
    ("many.e57", lambda: wild_e57(b'recordCount="200"', b'recordCount="999"'), "holds at most"),
    # --- text
    ("letters.xyz", lambda: FLOOR + b"1 2 abc\n", "line 201 holds 'abc'"),
    ("short.xyz", lambda: FLOOR + b"1 2\n", "line 201 holds 2 values, the lines before it 3"),
    ("long.csv", lambda: rows("1,2,3") + b"1,2,3,4\n", "line 151 holds 4 values"),
    ("empty.csv", lambda: rows("1,2,3") + b"1,,3\n", "line 151 holds 2 values"),
    ("comma.txt", lambda: rows("1,5 2,5 3,5"), "decimal commas"),
    ("commas.csv", lambda: rows("1,5, 2,5, 3,5"), "decimal commas"),
    ("comma.csv", lambda: rows("1,5;2,5;3,5"), "decimal commas"),
    ("one.txt", lambda: rows("1.5"), "was expected to be a point|1 columns without names"),
    ("two.txt", lambda: rows("1.5 2.5"), "2 columns without names"),
    ("ten.txt", lambda: rows("1 2 3 4 5 6 7 8 9 10"), "10 columns without names"),
    ("prose.txt", lambda: b"It was a dark and stormy night.\n" * 100, "expected numbers, or names"),
    ("names.csv", lambda: b"a,b,c\n" + rows("1,2,3"), "with x, y and z"),
    ("fewer.csv", lambda: b"x,y,z\n" + rows("1,2,3,4"), "names 3 columns"),
    ("line.csv", lambda: b"1," * 10**6 + b"1\n", "a line holds one point"),
    ("word.xyz", lambda: b"1" * 10**6, "a line holds one point"),
    ("later.xyz", lambda: FLOOR + b"1 " * 10**6, "line 201 is longer than"),
    ("big.xyz", lambda: rows("1e400 2 3"), "0 of 150 points have a finite position"),
    ("nan.xyz", lambda: rows("nan nan nan"), "0 of 150 points have a finite position"),
    ("comment.xyz", lambda: rows("# 1 2 3"), "holds no points"),
    ("utf16.txt", lambda: "1 2 3\n".encode("utf-16") * 100, "UTF-16"),
    ("zeros.txt", lambda: bytes(5000), "zero bytes"),
    ("short.pts", lambda: b"900\n" + rows("1 2 3"), "promises 900 points, the file holds 150"),
    ("half.csv", lambda: b"x,y,z,label\n" + rows("1,2,3,0.5"), "no whole number"),
    # --- sweeps
    ("odd.bin", lambda: sound.kitti()[:-3], "no whole number of points"),
    ("nan.bin", lambda: b"\xff" * 3200, "0 of 200 points"),
    # --- meshes
    ("header.stl", lambda: patched(sound.stl(), 80, "<I", 2**32 - 1), "4,294,967,295 triangles"),
    ("cut.glb", lambda: cut(sound.glb()), "promises 1"),
    ("other.glb", lambda: b"glTG" + sound.glb()[4:], "not a GLB file"),
    ("counts.off", lambda: b"OFF\n999999999 999999999 0\n0 0 0\n", "promises 999,999,999 vertices"),
    ("other.off", lambda: b"OFG 1 2 3", "not an OFF file"),
    ("zeros.obj", lambda: bytes(1000), "not an OBJ file"),
    ("other.gltf", lambda: b"glTF" * 100, "not a glTF file"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "words"), FILES, ids=[name for name, _, _ in FILES])
def test_a_damaged_file_is_named_and_believed_nothing(tmp_path, name, make, words):
    path = tmp_path / name
    path.write_bytes(make())
    tracemalloc.start()
    try:
        with pytest.raises(SceneError, match=words) as raised:
            read_scene(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert name in str(raised.value)
    assert len(str(raised.value)) < 1000 + 3 * len(str(path))
    assert peak < _SPARE + _GAIN * path.stat().st_size


def test_the_bombs_are_bombs():
    data = bomb("coord", 64 << 20)
    start = data[30 + len("coord.npy") :]  # behind the header of the first file
    assert len(data) < 1 << 17
    assert len(zlib.decompressobj(-15).decompress(start, 1 << 20)) == 1 << 20

"""A damaged file of a dataset ends in a scene or in a SceneError, never in anything else."""

import random

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets import recognise
from tests.scenes.datasets.writers import (
    GROUPS,
    packed,
    room_files,
    unpacked,
    write_object,
    write_pointcept,
    write_scan,
    write_table,
)

ROUNDS = 40  # a layout
PIECES = (b"", b"-1", b"1e400", b"nan", b"{}", b"[]", b"99999999999999999999")


def scannet(root):
    write_table(root)
    write_scan(root, "scene0000_00", groups=GROUPS)


def s3dis(root):
    write_object(root / "Area_1" / "office_1", "chair_1", num=150)


def structured3d(root):
    unpacked(root, room_files(perspective=True))


def structured3d_zips(root):
    packed(root, room_files())


def pointcept(root):
    labels = {name: np.zeros(200, np.int16) for name in ("segment20", "instance")}
    normal = np.ones((200, 3), np.float32)
    write_pointcept(root, "train", "scene0000_00", normal=normal, **labels)


def damage(data: bytes, rng: random.Random) -> bytes:
    """Cut off, changed in some bytes, with noise between, or with a piece that does not belong."""
    at = rng.randrange(len(data))
    kind = rng.randrange(4)
    if kind == 0:
        return data[:at]
    if kind == 1:
        changed = bytearray(data)
        for _ in range(rng.randrange(1, 9)):
            changed[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(changed)
    if kind == 2:
        return data[:at] + rng.randbytes(rng.randrange(1, 20)) + data[at:]
    return data[:at] + rng.choice(PIECES) + data[at + rng.randrange(1, 400) :]


@pytest.mark.parametrize("write", [scannet, s3dis, structured3d, structured3d_zips, pointcept])
def test_a_damaged_file_gives_a_scene_or_says_what_is_wrong(tmp_path, write):
    rng = random.Random(write.__name__)
    refused = 0
    for number in range(ROUNDS):
        root = tmp_path / str(number)
        root.mkdir()
        write(root)
        path = rng.choice(sorted(path for path in root.rglob("*") if path.is_file()))
        path.write_bytes(damage(path.read_bytes(), rng))
        try:
            dataset = recognise(root)
            for entry in dataset.entries if dataset else ():
                list(dataset.faults())
                assert dataset.read(entry)[0].id == entry.id
        except SceneError as error:
            refused += 1
            assert str(error).strip().endswith((".", ")")), error
    assert refused  # the damage is not harmless

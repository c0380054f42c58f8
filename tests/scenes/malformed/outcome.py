"""What may come of reading any file at all: a scene, or a sentence about the file."""

import tracemalloc
import warnings
from pathlib import Path

import numpy as np

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers import read_scene_and_notes
from pointins_engine.scenes.readers.mesh import ENDINGS

SPARE = 48 << 20  # bytes of memory that any file may take: buffers, libraries, spatial trees
GAIN = 120  # bytes of memory a byte of the file
MESH = 1 << 30  # bytes: a mesh of any size is sampled at up to 2 million points
LONGEST = 2000  # characters of a message
CORPUS = Path(__file__).parents[2] / "corpus"


def examine(path: Path) -> str:
    """Read a file and say what came of it: "scene" or the message.

    Raises:
        AssertionError: If memory, message or scene is not what a reader may leave; other
            exceptions of the reader are passed on.
    """
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = _read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    limit = SPARE + GAIN * path.stat().st_size + MESH * (path.suffix in ENDINGS)
    assert peak < limit, f"{path.name} took {peak:,} bytes of memory, {limit:,} are allowed"
    return found


def _read(path: Path) -> str:
    try:
        scene, notes = read_scene_and_notes(path, is_strict=False)
    except SceneError as error:
        assert path.name in str(error), f"the message names no file: {error}"
        assert len(str(error)) < LONGEST, f"a message of {len(str(error)):,} characters"
        return str(error)
    assert np.isfinite(scene.coord).all(), "a coordinate is not finite"
    assert all(len(note) < LONGEST for note in notes), "a note is very long"
    for name in ("color", "normal", "intensity", "semantic_label", "instance_label"):
        column = getattr(scene, name)
        assert column is None or len(column) == len(scene), f"{name} has another length"
    if scene.normal is not None:
        assert np.isfinite(scene.normal).all(), "a normal is not finite"
    if scene.intensity is not None:
        inside = (scene.intensity >= 0) & (scene.intensity <= 1)
        assert inside.all(), "an intensity lies outside of 0..1"
    if scene.semantic_label is not None:
        assert scene.semantic_label.max(initial=-1) < len(scene.class_names), "a class has no name"
    return "scene"

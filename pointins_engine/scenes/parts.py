"""What of a scan makes one scene: all of it, or a tile where it has too many points."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets import Dataset, SceneEntry
from pointins_engine.scenes.readers.counting import promised_points
from pointins_engine.scenes.tiles import plan_tiles, take
from pointins_engine.types import Scene


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A scan, or some rows of it."""

    entry: SceneEntry
    id: str
    rows: Int32[np.ndarray, " k"] | None = None

    def of(self, scene: Scene) -> Scene:
        return scene if self.rows is None else take(scene, self.rows, self.id)


def whole(entries: Sequence[SceneEntry]) -> list[Part]:
    return [Part(entry=entry, id=entry.id) for entry in entries]


def cut(
    dataset: Dataset, entries: Sequence[SceneEntry], max_points: int
) -> tuple[list[Part], list[str]]:
    """Parts of at most `max_points`, so that what is computed of a scene stays bounded.

    Only scans whose header or size promises more are opened.

    Returns:
        The parts, and a sentence for each scan that was cut.
    """
    parts: list[Part] = []
    for entry in entries:
        tiles = []
        if (promised_points(entry.path) or 0) > max_points:
            try:
                coord = dataset.read(entry)[0].coord
                tiles = plan_tiles(coord, max_points) if len(coord) > max_points else []
            except (SceneError, OSError):  # told when it is the scan's turn
                pass
        for number, rows in enumerate(tiles):
            ending = f"-tile{number}"
            name = entry.id[: 100 - len(ending)] + ending
            parts.append(Part(entry=entry, id=name, rows=rows.astype(np.int32)))
        if not tiles:
            parts.append(Part(entry=entry, id=entry.id))
    counts = Counter(part.entry.path for part in parts if part.rows is not None)
    notes = [
        f"{path.name} has more than {max_points:,} points and is trained on as {count} tiles "
        "(scene.max_scene_points). It is read again for each tile that is not in memory."
        for path, count in counts.items()
    ]
    return parts, notes

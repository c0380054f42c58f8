"""The scenes of a source by id: how one is read, and which files it is read from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pointins_engine.config import SceneConfig
from pointins_engine.errors import SceneError
from pointins_engine.scenes import simulate
from pointins_engine.scenes.datasets import PlainScans, open_dataset
from pointins_engine.scenes.source import open_scenes
from pointins_engine.types import Scene

NUM_SIMULATED = 24  # scenes of a simulator, from its validation seeds


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """Scenes of one source, in its order.

    Attributes:
        ids: Unique in the source.
        read: Gives a scene and sentences worth telling its owner, by position.
        files: Files whose change makes a scene another one, by position.
        split_of: Split of each scene; "" where there are no splits.
        title: Name and layout of a dataset; "" of plain scans.
        licence: Terms of a dataset; "" of plain scans.
    """

    ids: Sequence[str]
    read: Callable[[int], tuple[Scene, list[str]]]
    files: Callable[[int], Sequence[Path]]
    split_of: Sequence[str]
    title: str = ""
    licence: str = ""


def list_scenes(source: str, num_simulated: int = NUM_SIMULATED) -> Listing:
    """What a source holds: all scenes of every split as their files hold them.

    Args:
        source: Dataset, folder of scans, scan, sim:rooms or sim:streets.
        num_simulated: Scenes of a simulator.

    Raises:
        SceneError: If nothing is there or nothing can be read.
    """
    if source.startswith("sim:"):
        return _simulated(source, num_simulated)
    dataset = open_dataset(source)
    entries = dataset.entries
    is_plain = isinstance(dataset, PlainScans)
    return Listing(
        ids=_checked([entry.id for entry in entries], source),
        read=lambda index: dataset.read(entries[index]),
        files=lambda index: dataset.files(entries[index]),
        split_of=["" if is_plain else entry.split for entry in entries],
        title="" if is_plain else dataset.title,
        licence="" if is_plain else dataset.licence,
    )


def _simulated(source: str, num: int) -> Listing:
    domain = "outdoor" if source == "sim:streets" else "indoor"
    scenes = open_scenes(SceneConfig(source=source, num_simulated=num, domain=domain), 0, "val")
    simulator = sorted(Path(simulate.__path__[0]).glob("*.py"))
    return Listing(
        ids=scenes.ids,
        read=lambda index: (scenes[index], []),
        files=lambda index: simulator,
        split_of=[""] * len(scenes),
    )


def _checked(ids: list[str], source: str) -> list[str]:
    if len(set(ids)) < len(ids):
        double = next(id for id in ids if ids.count(id) > 1)
        raise SceneError(f"{source} has two scenes called {double}; look at one part of it.")
    return ids

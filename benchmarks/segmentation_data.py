"""Labelled scans for `benchmarks.segmentation`, simulated and real, with the votes of a network.

N points.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from pointins_engine.baselines.cells import Domain, LabelledCells
from pointins_engine.evaluate.scene_sets import DEVELOPMENT_SEED
from pointins_engine.recipes import get_recipe
from pointins_engine.scenes.source import SceneSet, Split, open_raw_scenes, open_scenes
from pointins_engine.segment.classical import cell_cloud
from pointins_engine.segment.network import SegmentNetwork
from pointins_engine.segment.records import SceneVotes
from pointins_engine.segment.settings import SegmentSettings
from pointins_engine.segment.votes import scene_votes
from pointins_engine.types import Scene

RECIPES: dict[Domain, str] = {"indoor": "indoor_demo", "outdoor": "outdoor_demo"}
SOURCES: dict[Domain, str] = {"indoor": "sim:rooms", "outdoor": "sim:streets"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """Scans that give one table; the figures of each set of scans stand for themselves."""

    name: str
    title: str
    domain: Domain
    source: str
    sets: tuple[tuple[int, ...], ...] = ()  # numbers of scenes; () = all scans in one set
    split: Split = "test"

    @property
    def is_simulated(self) -> bool:
        return self.source.startswith("sim:")

    def about(self) -> dict[str, Any]:
        """What decides which scans these are, ready for JSON; no path."""
        return {**asdict(self), "source": Path(self.source).name}


def development(domain: Domain) -> Collection:
    """Simulated scenes that choose parameters and give no figures."""
    numbers = range(6) if domain == "indoor" else range(4)
    return Collection(
        name=f"development-{domain}",
        title="development scenes",
        domain=domain,
        source=SOURCES[domain],
        sets=(tuple(numbers),),
        split="train",
    )


def collections(data: Path | None) -> Iterator[Collection]:
    """Collections that give figures, those that take longest first."""
    for name, title in (
        ("pandaset", "PandaSet, 2 real sweeps, tracked cuboids"),
        ("semantickitti", "SemanticKITTI, 5 real sweeps, things"),
    ):
        if data is not None and (data / name).is_dir():
            yield Collection(name=name, title=title, domain="outdoor", source=str(data / name))
    yield Collection(
        name="rooms",
        title="simulated rooms, 3 x 8",
        domain="indoor",
        source=SOURCES["indoor"],
        sets=(tuple(range(8)), tuple(range(8, 16)), tuple(range(16, 24))),
    )
    if data is not None and (data / "mosd").is_dir():
        yield Collection(
            name="mosd",
            title="table-tops of mOSD, 5 real views, objects",
            domain="indoor",
            source=str(data / "mosd"),
            sets=(tuple(range(5, 10)),),  # the first five helped to choose how far points move
        )
    yield Collection(
        name="streets",
        title="simulated streets, 3 x 4",
        domain="outdoor",
        source=SOURCES["outdoor"],
        sets=(tuple(range(4)), tuple(range(4, 8)), tuple(range(8, 12))),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """One labelled scan with the votes of a network."""

    votes: SceneVotes
    truth: Int[np.ndarray, " n"]  # object of each point, -1 = void

    @property
    def cells(self) -> LabelledCells:
        """The same cells for methods that look at positions, colours and normals."""
        return LabelledCells(
            cells=cell_cloud(self.votes),
            cell_of_point=self.votes.cell_of_point,
            instance_label=self.truth,
        )


def read(collection: Collection, network: SegmentNetwork) -> list[list[Scan]]:
    """The scans of each set, shown to a network with the settings that nobody chose."""
    scenes = _opened(collection)
    sets = collection.sets or (tuple(range(len(scenes))),)
    return [[_scan(scenes[number], network) for number in numbers] for numbers in sets]


def _opened(collection: Collection) -> SceneSet:
    if not collection.is_simulated:
        return open_raw_scenes(collection.source)
    config = replace(
        get_recipe(RECIPES[collection.domain]).scene,
        source=collection.source,
        num_simulated=1 + max(number for numbers in collection.sets for number in numbers),
    )
    return open_scenes(config, DEVELOPMENT_SEED, collection.split)


def _scan(scene: Scene, network: SegmentNetwork) -> Scan:
    assert scene.instance_label is not None, "the scans are labelled"
    truth = scene.instance_label.astype(np.int64)
    if scene.source.endswith(".pcd"):  # mOSD: ten times the object plus the part, tables below ten
        truth = np.where(truth >= 10, truth // 10, -1)
    return Scan(votes=scene_votes(scene, network, SegmentSettings()), truth=truth)

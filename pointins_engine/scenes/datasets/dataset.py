"""What a dataset on disk is to the engine: scenes by split, class names, and how one scene is read.

One file a dataset holds its layouts as subclasses of `Dataset`; `recognise` in the package's
`__init__` finds the one that fits a folder.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self

from pointins_engine.types import Scene

Layout = Literal["official", "pointcept", "cached"]
Task = Literal["pre-training", "semantic segmentation", "instance segmentation"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassTable:
    """Class names by index, and which of them are countable."""

    names: tuple[str, ...]
    things: frozenset[str] = frozenset()  # classes with instances that are evaluated


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneEntry:
    """Where one scene lies. Nothing is opened before it is asked for."""

    id: str  # [A-Za-z0-9._-]{1,100}, unique in the dataset
    split: str  # "train", "val", "test", or an area of S3DIS
    path: Path  # file or folder that holds the coordinates


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Something wrong with a dataset's files, and what to do about it."""

    path: Path
    text: str  # what came and what was expected
    fix: str  # one sentence


class Dataset(ABC):
    """A dataset in one of its layouts.

    Attributes:
        name: "scannet", "scannet200", "s3dis", ... as `--scene.dataset` names it.
        layout: Which of the layouts lies there.
        root: The folder that was recognised.
        entries: All scenes, sorted by split and id.
        classes: Names behind `semantic_label` of every scene.
    """

    name: ClassVar[str]
    layout: ClassVar[Layout]
    licence: ClassVar[str]  # one line: terms that come with the data, and whom to cite
    classes: ClassTable

    def __init__(self, root: Path, entries: tuple[SceneEntry, ...], classes: ClassTable) -> None:
        self.root = root
        self.entries = entries
        self.classes = classes

    @classmethod
    @abstractmethod
    def recognise(cls, root: Path) -> Self | None:
        """The dataset if `root` holds it in this layout, else None; looks at names only."""

    @abstractmethod
    def read(self, entry: SceneEntry) -> tuple[Scene, list[str]]:
        """One scene in metres, z up, and sentences worth telling its owner.

        Raises:
            SceneError: If a file of it is missing or damaged; names the file and the fix.
        """

    def faults(self) -> Iterator[Fault]:
        """What is missing or does not belong, as far as names and sizes of files tell."""
        return iter(())

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(sorted({entry.split for entry in self.entries}))

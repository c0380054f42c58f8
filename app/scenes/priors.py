"""Priors that scenes are held against, and how far their offsets are from one.

A scene's own distribution is the label-free one of its index row. Distances are those of
`offset_prior.distance`, here for thousands of scenes at once: quantile functions at fixed levels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from pointins_engine.errors import PointinsError, SceneError
from pointins_engine.offset_prior.files import read_prior
from pointins_engine.offset_prior.record import PriorRecord, Provenance, builtin_priors
from pointins_engine.scene_index.cache import SceneRow

POOLED = "pooled"  # all scenes of the collection, each with the same weight
DEFAULT = {"indoor": "paper-indoor", "outdoor": "paper-outdoor"}
_NUM_LEVELS = 2048  # W1 to within a few thousandths of its value
_LEVELS = (np.arange(_NUM_LEVELS) + 0.5) / _NUM_LEVELS


@dataclass(frozen=True, kw_only=True, slots=True)
class PriorChoice:
    """A prior by name, or why the file of that name holds none."""

    name: str
    record: PriorRecord | None
    fault: str = ""


class Priors:
    """The built-in priors, those in the JSON files of some folders, and those of runs."""

    def __init__(self, folders: Sequence[Path] = (), runs: Path | None = None) -> None:
        self._folders = [folder.expanduser() for folder in folders]
        self._runs = runs
        self._read: dict[Path, tuple[tuple[int, int], PriorChoice]] = {}

    def choices(self) -> list[PriorChoice]:
        """Built-in priors first, then files by name, then runs; a file without one says why."""
        known = [PriorChoice(name=n, record=record) for n, record in builtin_priors().items()]
        files = [(path.stem, path) for folder in self._folders for path in folder.glob("*.json")]
        runs = [] if self._runs is None else self._runs.glob("*/prior.json")
        files = sorted(files) + sorted((f"run {path.parent.name}", path) for path in runs)
        taken = {choice.name for choice in known} | {POOLED}
        for name, path in files:
            choice = self._from_file(path, name)
            if choice is not None and name not in taken:
                known.append(choice)
                taken.add(name)
        return known

    def get(self, name: str) -> PriorRecord:
        """The prior of that name.

        Raises:
            SceneError: If there is none, or its file cannot be read.
        """
        found = {choice.name: choice for choice in self.choices()}.get(name)
        if found is None:
            raise SceneError(f"no prior is called {name[:100]!r}; `/api/priors` lists them.")
        if found.record is None:
            raise SceneError(f"the prior {name!r} cannot be used: {found.fault}")
        return found.record

    def _from_file(self, path: Path, name: str) -> PriorChoice | None:
        try:
            stat = path.stat()
        except OSError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_size)
        kept = self._read.get(path)
        if kept is None or kept[0] != stamp:
            try:
                choice = PriorChoice(name=name, record=read_prior(path))
            except PointinsError as error:
                choice = PriorChoice(name=name, record=None, fault=str(error))
            kept = self._read[path] = (stamp, choice)
        return kept[1]


def prior_of(row: SceneRow) -> PriorRecord | None:
    """A scene's own distribution as a prior; None where no cluster was found."""
    return None if row.lengths is None else _measured(row.id, row.lengths, row.num_lengths)


def true_prior_of(row: SceneRow) -> PriorRecord | None:
    """The same of its labelled objects; None where there are none."""
    return None if row.true_lengths is None else _measured(row.id, row.true_lengths, 0)


def pooled(rows: Sequence[SceneRow]) -> PriorRecord | None:
    """All scenes of a collection together, each with the same weight."""
    tables = [row.lengths for row in rows if row.lengths is not None]
    if not tables:
        return None
    levels = np.linspace(0, 1, len(tables[0]))
    quantiles = np.quantile(np.concatenate([np.asarray(table) for table in tables]), levels)
    return _measured(POOLED, tuple(quantiles.tolist()), sum(row.num_lengths for row in rows))


def distances_m(rows: Sequence[SceneRow], prior: PriorRecord) -> dict[str, float]:
    """Wasserstein-1 distance in metres of each scene that has offsets, by id."""
    levels = np.linspace(0, 1, len(next((r.lengths for r in rows if r.lengths), (0.0, 1.0))))
    expected = prior_quantiles(prior)
    return {
        row.id: float(np.abs(np.interp(_LEVELS, levels, row.lengths) - expected).mean())
        for row in rows
        if row.lengths is not None
    }


def prior_quantiles(prior: PriorRecord) -> Float[np.ndarray, " l"]:
    """Quantiles in metres at the midpoints of 2,048 equal shares."""
    return _quantiles(prior.name, prior.kind, _frozen(prior.parameters), prior.quantiles)


@lru_cache(maxsize=64)
def _quantiles(
    name: str, kind: str, parameters: tuple[tuple[str, float], ...], table: tuple[float, ...]
) -> np.ndarray:
    record = PriorRecord(
        name=name,
        kind=kind,  # type: ignore[arg-type]
        parameters=dict(parameters),
        quantiles=table,
        provenance=Provenance(method="configured", source="", labels_used=False),
    )
    return record.quantile(_LEVELS)


def _frozen(parameters: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(parameters.items()))


def _measured(name: str, quantiles: tuple[float, ...], num_lengths: int) -> PriorRecord:
    return PriorRecord(
        name=name,
        kind="empirical",
        quantiles=quantiles,
        provenance=Provenance(
            method="hdbscan",
            source="scenes of a collection",
            labels_used=False,
            num_lengths=num_lengths,
        ),
    )

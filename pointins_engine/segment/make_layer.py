"""One layer of a segmentation: its votes grouped anew, a classical method, or the truth. M cells.

torch is imported only where another network has to be shown the scan.
"""

import hashlib
import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from pointins_engine import __version__
from pointins_engine.baselines import METHODS, cluster, resolved
from pointins_engine.errors import ConfigError
from pointins_engine.segment.classical import cell_cloud
from pointins_engine.segment.figures import figures_of
from pointins_engine.segment.folder import (
    SegmentationFolder,
    StoredScan,
    read_offset,
    write_offset,
)
from pointins_engine.segment.grouping import Tell, group_votes
from pointins_engine.segment.layers import segmentation_of, true_cells, write_layer
from pointins_engine.segment.settings import SegmentSettings, checkpoint_for
from pointins_engine.types import Scene

OF_VOTES = ("domain", "scale", "max_tile_points")  # settings of the scan, not of a layer
LABELS = {"pointins": "PointINS", "truth": "Ground truth"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    label: np.ndarray  # (M,) ids from 0 by falling score, -1 = none
    score: np.ndarray  # (K,)
    settings: Mapping[str, Any]
    seconds: Mapping[str, float]
    votes: str | None = None  # whose offsets go with it
    provenance: Mapping[str, Any] | None = None
    names: Mapping[int, str] | None = None


class LayerMaker:
    """Makes layers of one scan.

    Args:
        folder: Of the segmentation.
        scan: Stored already.
        request: What was asked for: settings and network where a layer has none of its own.
        read: Reads the scan again, for another network.
        tell: Told the phase and how far it is.
    """

    def __init__(
        self,
        folder: SegmentationFolder,
        scan: StoredScan,
        request: Mapping[str, Any],
        read: Callable[[], Scene],
        tell: Tell,
    ) -> None:
        self._folder = folder
        self._scan = scan
        self._request = request
        self._read = read
        self._tell = tell

    def make(self, item: Mapping[str, Any]) -> None:
        """Make and store a wanted layer.

        Args:
            item: `layer`, `method`, `settings`, and perhaps `checkpoint`.

        Raises:
            ConfigError: If there is no such method, or a setting is not possible.
            SceneError: If the scan lacks what the method needs.
        """
        layer, method = str(item["layer"]), str(item["method"])
        scan, values = self._scan, dict(item.get("settings") or {})
        if method == "pointins":
            scan, found = self._grouped(values, item.get("checkpoint"))
        elif method == "truth":
            label, score = true_cells(scan)
            found = _Found(
                label=label, score=score, settings={}, seconds={}, names=scan.truth_names
            )
        elif method in METHODS:
            found = self._clustered(method, values)
        else:
            known = ", ".join([*LABELS, *METHODS])
            raise ConfigError(f"no method is called {method!r}; there are: {known}.")
        segmentation = segmentation_of(
            scan,
            found.label,
            found.score,
            has_votes=found.votes is not None,
            method=method,
            names=found.names or {},
            settings=found.settings,
            seconds=found.seconds,
            provenance=found.provenance or self._plain_provenance(),
        )
        figures = None
        if method != "truth" and scan.truth is not None:
            self._tell("evaluating", 0, 1)
            figures = figures_of(segmentation, scan)
        self._tell("writing", 0, 1)
        write_layer(
            self._folder,
            layer,
            segmentation,
            label=_label(layer, method),
            figures=figures,
            votes=found.votes,
        )

    def _grouped(self, values: dict[str, Any], checkpoint: str | None) -> tuple[StoredScan, _Found]:
        asked = dict(self._request.get("settings") or {})
        of_votes = {name: asked[name] for name in OF_VOTES if name in asked}
        settings = SegmentSettings.from_values({**asked, **values, **of_votes})
        scan, votes = self._scan, ""
        if checkpoint and not self._is_current(checkpoint, settings):
            scan, votes = self._of_network(checkpoint, settings)
        self._tell("grouping", 0, 1)
        began = time.perf_counter()
        grouped = group_votes(scan.votes, settings, self._tell)
        seconds = {**scan.seconds, "grouping": round(time.perf_counter() - began, 3)}
        return scan, _Found(
            label=grouped.label,
            score=grouped.score,
            settings=settings.values(),
            seconds=seconds,
            votes=votes,
            provenance=scan.provenance,
        )

    def _is_current(self, checkpoint: str, settings: SegmentSettings) -> bool:
        """Whether the stored votes are those of a network."""
        named = checkpoint_for(checkpoint, self._scan.coord, settings)
        network = self._scan.provenance.get("network", {})
        return named == network.get("checkpoint")

    def _of_network(self, checkpoint: str, settings: SegmentSettings) -> tuple[StoredScan, str]:
        """The scan with the votes of another network, each cell's from that network's nearest."""
        name = hashlib.sha256(checkpoint.encode()).hexdigest()[:16]
        if self._folder.votes_of(name).is_file():
            return read_offset(self._folder, name, self._scan), name
        from pointins_engine.segment.voting import votes_of  # imports torch

        self._tell("reading", 0, 1)
        voted = votes_of(self._read(), checkpoint, settings, self._tell)
        nearest = KDTree(voted.votes.coord).query(self._scan.votes.coord)[1]
        scan = self._scan.with_offset(voted.votes.offset[nearest])
        scan = replace(scan, provenance=voted.provenance, seconds=voted.seconds)
        write_offset(self._folder, name, scan)
        return scan, name

    def _plain_provenance(self) -> dict[str, Any]:
        votes = self._scan.votes
        return {
            "domain": votes.domain,
            "scale": votes.scale,
            "cell_size_m": votes.grid_size,
            "version": __version__,
        }

    def _clustered(self, method: str, values: dict[str, Any]) -> _Found:
        """Instances of a classical method over the same cells, with the same planes removed."""
        settings = self._request.get("settings") or {}
        planes = values.pop("planes", settings.get("planes", "remove"))
        if planes not in ("remove", "keep"):
            raise ConfigError(f"planes is {planes!r}, expected remove or keep.")
        cells = cell_cloud(self._scan.votes)
        self._tell("grouping", 0, 1)
        importlib.import_module("sklearn.cluster")  # seconds long, and no part of the method's time
        began = time.perf_counter()
        found = cluster(method, cells, values, planes=planes)
        return _Found(
            label=found.label(len(cells)),
            score=found.score,
            settings={**resolved(method, cells, values), "planes": planes},
            seconds={"grouping": round(time.perf_counter() - began, 3)},
        )


def _label(layer: str, method: str) -> str:
    """Words for a person; a second layer of a method has its number."""
    words = LABELS.get(method) or METHODS[method].label
    number = layer.removeprefix(method).lstrip("-")
    return f"{words} {number}" if number else words

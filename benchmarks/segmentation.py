"""Unsupervised instance segmentation beside classical methods: `python -m benchmarks segmentation`.

Same cells, same planes, same evaluation for every row. A cut run goes on where it was: figures are
kept in `out/segmentation/`, a file a row.
"""

import hashlib
import multiprocessing
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

import pointins_engine
from benchmarks.segmentation_data import Collection, Scan, collections, development, read
from benchmarks.segmentation_table import markdown
from pointins_engine.baselines.cells import Domain
from pointins_engine.baselines.tuning import GRIDS, Grid, Planes, Values, tuned
from pointins_engine.evaluate.instance_ap import Proposals, proposals_from_labels
from pointins_engine.evaluate.kept import digest, kept
from pointins_engine.evaluate.objects import count_objects, object_figures
from pointins_engine.run_log.files import write_bytes, write_json
from pointins_engine.segment.grouping import group_votes
from pointins_engine.segment.network import SegmentNetwork, open_network
from pointins_engine.segment.settings import SegmentSettings

OUT = Path("out")
MIN_POINTS = 15  # of a thing that counts, as panoptic nuScenes has it
SCANNET_MIN_POINTS = 100
OURS, STILL = "ours", "our read-out, offsets 0"
PLANES: tuple[Planes, Planes] = ("remove", "keep")
PROCESSES = 2

Figures = dict[str, Any]
Networks = Mapping[Domain, str]


def table(folder: Path, *, checkpoints: Sequence[str] = (), out: Path = OUT) -> str:
    """Measure what is not measured yet; write `segmentation.json` and return Markdown.

    Real scans are measured if `$POINTINS_DATA` names their folder.

    Args:
        folder: Not used: figures are kept in `out`, so that a cut run goes on.
        checkpoints: Networks in place of the built-in ones, each for the domain it learned in.
        out: Folder of the results.
    """
    networks = _networks(checkpoints)
    data = os.environ.get("POINTINS_DATA")
    wanted = list(collections(Path(data).expanduser() if data else None))
    with multiprocessing.get_context("spawn").Pool(
        PROCESSES, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        domains: list[Domain] = sorted({collection.domain for collection in wanted}, reverse=True)
        chosen = dict(pool.map(_tune, [(domain, networks, out) for domain in domains], chunksize=1))
        rows = {}
        work = [(c, chosen[c.domain], networks, out) for c in wanted]
        for name, found in pool.imap_unordered(_measure, work, chunksize=1):
            rows[name] = found
            print(f"{name} is measured.", file=sys.stderr, flush=True)
    results = {
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "version": pointins_engine.__version__,
        "checkpoints": {
            domain: {"name": name, **_network(name).provenance} for domain, name in networks.items()
        },
        "min_points": {"ap": MIN_POINTS, "pq": MIN_POINTS, "scannet": SCANNET_MIN_POINTS},
        "collections": {c.name: {**c.about(), "rows": rows[c.name]} for c in wanted},
    }
    text = markdown(results)
    write_json(out / "segmentation.json", results)
    write_bytes(out / "segmentation.md", text.encode())
    return text


def _networks(checkpoints: Sequence[str]) -> dict[Domain, str]:
    """The network of each domain by name."""
    found: dict[Domain, str] = {"indoor": "builtin:indoor", "outdoor": "builtin:outdoor"}
    for name in checkpoints:
        found[_network(name).config.scene.domain] = name
    return found


@cache
def _network(name: str) -> SegmentNetwork:
    return open_network(name, "cpu")


def _tune(work: tuple[Domain, Networks, Path]) -> tuple[Domain, dict[str, dict[Planes, Values]]]:
    """Values of every classical method that do best on the development scenes of a domain."""
    domain, networks, out = work
    collection = development(domain)
    scans = _Scans(collection, networks[domain])
    return domain, {
        grid.name: {planes: _tuned(scans, grid, planes, out) for planes in PLANES}
        for grid in GRIDS[domain]
    }


def _measure(
    work: tuple[Collection, Mapping[str, Mapping[Planes, Values]], Networks, Path],
) -> tuple[str, dict[str, Figures]]:
    """Figures of all rows on a collection; real scans also choose values for themselves."""
    collection, chosen, networks, out = work
    scans = _Scans(collection, networks[collection.domain])
    rows: dict[str, Figures] = {}
    for name, factor in ((OURS, 1), (STILL, 0)):
        rows[name] = {planes: _ours(scans, name, factor, planes, out) for planes in PLANES}
    for grid in GRIDS[collection.domain]:
        rows[grid.name] = {
            planes: _classical(scans, grid, chosen[grid.name][planes], planes, out)
            for planes in PLANES
        }
        if not collection.is_simulated:
            rows[f"{grid.name}, tuned here"] = {
                planes: _classical(scans, grid, _tuned(scans, grid, planes, out), planes, out)
                for planes in PLANES
            }
    return collection.name, rows


class _Scans:
    """The sets of a collection, read when a figure is missing."""

    def __init__(self, collection: Collection, network: str) -> None:
        self.collection, self.network = collection, network
        self._sets: list[list[Scan]] | None = None

    @property
    def sets(self) -> list[list[Scan]]:
        if self._sets is None:
            self._sets = read(self.collection, _network(self.network))
        return self._sets

    @property
    def edge(self) -> float:
        return _network(self.network).config.scene.grid_size


def _tuned(scans: _Scans, grid: Grid, planes: Planes, out: Path) -> Values:
    """The values with the largest mean of AP and PQ on a collection."""

    def measure() -> Figures:
        (known,) = scans.sets

        def goodness(values: Values) -> float:
            figures = _of_set(known, lambda s: grid.proposals(s.cells, values, planes=planes))
            return (figures["ap"] + figures["pq"]) / 2

        return {"values": tuned(grid, goodness)}

    made_from = {**_made_from(scans, "baselines"), "grid": [grid.values, grid.then]}
    return _kept(scans, out, f"{grid.name} tuned", planes, made_from, measure)["values"]


def _classical(scans: _Scans, grid: Grid, values: Values, planes: Planes, out: Path) -> Figures:
    def measure() -> Figures:
        return _of_sets(scans, lambda s: grid.proposals(s.cells, values, planes=planes))

    made_from = {**_made_from(scans, "baselines"), "values": values}
    name = f"{grid.name} {digest(made_from)}"
    found = _kept(scans, out, name, planes, made_from, measure)
    return {**found, "values": values, "parameters": grid.words(values)}


def _ours(scans: _Scans, name: str, factor: int, planes: Planes, out: Path) -> Figures:
    """Our read-out, of the votes or of points that stay where they are."""
    settings = SegmentSettings(planes=planes)

    def propose(scan: Scan) -> Proposals:
        votes = replace(scan.votes, offset=scan.votes.offset * np.float32(factor))
        found = group_votes(votes, settings)
        return proposals_from_labels(found.label[votes.cell_of_point], found.score)

    weights = _weights(_network(scans.network)) if factor else ""
    made_from = {**_made_from(scans, "segment"), "weights": weights}
    return _kept(scans, out, name, planes, made_from, lambda: _of_sets(scans, propose))


def _of_sets(scans: _Scans, propose: Callable[[Scan], Proposals]) -> Figures:
    """Figures of each set."""
    return {"sets": [_of_set(known, propose, everything=True) for known in scans.sets]}


def _of_set(
    scans: Sequence[Scan], propose: Callable[[Scan], Proposals], *, everything: bool = False
) -> dict[str, float]:
    """Pooled figures; with `everything` also AP by ScanNet's rule, which asks for 100 points."""
    found = [propose(scan) for scan in scans]
    figures = _pooled(scans, found, MIN_POINTS)
    if everything:
        scannet = _pooled(scans, found, SCANNET_MIN_POINTS)
        figures |= {f"scannet_{name}": scannet[name] for name in ("ap", "ap50", "ap25", "pq")}
    return figures


def _pooled(scans: Sequence[Scan], found: Sequence[Proposals], min_points: int) -> dict[str, float]:
    counts = []
    for scan, proposals in zip(scans, found, strict=True):
        label = np.full(len(scan.truth), -1)
        for number, rows in enumerate(proposals.rows):
            label[rows] = number
        counts.append(count_objects(proposals, label, scan.truth, min_points))
    return object_figures(counts, min_points)


def _kept(
    scans: _Scans,
    out: Path,
    name: str,
    planes: Planes,
    made_from: Mapping[str, Any],
    measure: Callable[[], Figures],
) -> Figures:
    words = "".join(c if c.isalnum() else "-" for c in f"{name} {planes}")
    return kept(out / "segmentation" / scans.collection.name / f"{words}.json", made_from, measure)


def _made_from(scans: _Scans, part: str) -> dict[str, Any]:
    """What decides the figures of a row: scans, cells, and the code of a part of the engine."""
    return {
        "collection": scans.collection.about(),
        "edge": scans.edge,
        "code": _code(part),
        "min_points": [MIN_POINTS, SCANNET_MIN_POINTS],
    }


@cache
def _code(part: str) -> str:
    """Digest of the modules that find instances, and of those that find planes and cells."""
    engine = Path(pointins_engine.__file__).parent
    files = [engine / "scenes" / "planes.py", engine / "segment" / "cells.py"]
    files += [*sorted((engine / part).glob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _weights(network: SegmentNetwork) -> str:
    """Digest of the weights."""
    found = hashlib.sha256()
    for module in (network.encoder, network.offset_head):
        for value in module.state_dict().values():
            found.update(value.numpy().tobytes())
    return found.hexdigest()[:12]

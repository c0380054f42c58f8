"""`pointins segment`: objects of scans, without labels, as files."""

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pointins_engine.config import Units, UpAxis
from pointins_engine.errors import ConfigError, PointinsError, SceneError
from pointins_engine.types import Scene

if TYPE_CHECKING:
    from pointins_engine.item_progress import ItemProgress
    from pointins_engine.segment.network import SegmentNetwork
    from pointins_engine.segment.result import Segmentation
    from pointins_engine.segment.settings import SegmentSettings

EXIT_SOME_FAILED = 2
OURS = "pointins"
_FLAG = re.compile(r"--scene\.(units|up)")
_SHARE = {"reading": 0.0, "planes": 0.05, "network": 0.2, "grouping": 0.8, "writing": 0.95}
_PHASES = tuple(_SHARE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One scan to segment; reading it gives sentences about it too."""

    name: str  # of its files, unique in the output folder
    source: str
    read: Callable[[], tuple[Scene, list[str]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the summary."""

    name: str
    points: int
    instances: int
    median_size: int  # points
    mean_score: float
    seconds: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scans",
        nargs="+",
        metavar="SCAN",
        help="scan, folder of scans, dataset, sim:rooms or sim:streets",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--checkpoint",
        default="auto",
        metavar="NETWORK",
        help="run folder, RUN@STEP, packed file, builtin:indoor or builtin:outdoor "
        "(default: the built-in one that fits the scan)",
    )
    parser.add_argument(
        "--method",
        nargs="+",
        default=[OURS],
        metavar="NAME",
        help="pointins (default), or classical ones: hdbscan, dbscan, components, felzenszwalb, "
        "mean_shift",
    )
    parser.add_argument(
        "--planes",
        choices=["remove", "keep"],
        default="remove",
        help="floor, walls and ground are left out (default), or grouped too",
    )
    parser.add_argument("--radius", type=float, metavar="M", help="between votes of one object")
    parser.add_argument("--min-size", type=int, metavar="CELLS", help="of an object, in voxels")
    parser.add_argument(
        "--least-score",
        type=float,
        metavar="S",
        help="of an object, 0..1 (default: 0.01); 0 keeps every doubt",
    )
    parser.add_argument(
        "--scale", type=float, help="enlarge for the network (default: 1 for rooms and streets)"
    )
    parser.add_argument("--domain", choices=["auto", "indoor", "outdoor"], default="auto")
    parser.add_argument("--units", choices=get_args(Units), default="auto", help="of the files")
    parser.add_argument("--up", choices=get_args(UpAxis), default="auto", help="axis of the files")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument(
        "--format", default="ply,npz,json", metavar="LIST", help="of ply, npz, json and coco"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="scans of each SCAN at most")


def run(args: argparse.Namespace) -> int:
    """Segment every scan; 2 if one could not be.

    Raises:
        PointinsError: If nothing can be done at all: no scan, no network, bad settings.
    """
    from pointins_engine.item_progress import ItemProgress
    from pointins_engine.segment.files import FORMATS
    from pointins_engine.segment.settings import SegmentSettings

    formats = tuple(word for word in args.format.replace(" ", "").split(",") if word)
    for word in formats or ("",):
        if word not in FORMATS:
            raise ConfigError(f"--format {args.format}: expected some of {', '.join(FORMATS)}.")
    if args.limit is not None and args.limit < 1:
        raise ConfigError(f"--limit must be >= 1, got {args.limit}.")
    settings = SegmentSettings(
        planes=args.planes,
        radius=args.radius,
        min_size=args.min_size,
        least_score=args.least_score,
        scale=args.scale,
        domain=args.domain,
    )
    _check_methods(args.method, settings)
    networks = Networks(args.checkpoint, args.device)
    if OURS in args.method and args.checkpoint != "auto":
        networks.named(args.checkpoint)  # a bad name stops here, not scan by scan
    jobs, failures = _jobs(args)
    rows: list[Row] = []
    failed = len(failures)
    with ItemProgress("scans", len(jobs)) as bar:
        for failure in failures:
            bar.say(f"error: {failure}")
        for job in jobs:
            try:
                rows += _segmented(job, args, settings, networks, formats, bar)
            except PointinsError as error:
                failed += 1
                bar.say(f"error: {_worded(error, job.source)}")
            except MemoryError:
                failed += 1
                bar.say(f"error: {job.source} is too large for the memory of this machine.")
            bar.advance()
    if rows:
        print(summary(rows))
        print(f"\nin {args.out}: {', '.join(formats)}")
    if failed:
        print(
            f"{failed} of {len(jobs) + len(failures)} scans could not be segmented.",
            file=sys.stderr,
        )
    return EXIT_SOME_FAILED if failed else 0


class Networks:
    """Networks by name, each opened once. Torch is imported with the first."""

    def __init__(self, checkpoint: str, device: str) -> None:
        self._checkpoint, self._device = checkpoint, device
        self._open: dict[str, SegmentNetwork] = {}

    def named(self, name: str) -> "SegmentNetwork":
        from pointins_engine.segment.network import open_network

        if name not in self._open:
            self._open[name] = open_network(name, self._device)
        return self._open[name]

    def of(self, scene: Scene, settings: "SegmentSettings") -> "SegmentNetwork":
        """The network for a scan."""
        from pointins_engine.segment.settings import checkpoint_for

        return self.named(checkpoint_for(self._checkpoint, scene.coord, settings))


def _segmented(
    job: Job,
    args: argparse.Namespace,
    settings: "SegmentSettings",
    networks: Networks,
    formats: Sequence[str],
    bar: "ItemProgress",
) -> list[Row]:
    """Files of one scan, by every method asked for; a row a method."""
    from pointins_engine.scenes.readers.raw import Taken
    from pointins_engine.segment.files import write_segmentation

    rows = []
    bar.within(0.0, f"{job.name}: reading")
    began = time.monotonic()
    scene, notes = job.read()
    for note in notes:
        if not isinstance(note, Taken):
            bar.say(f"{job.name}: {_FLAG.sub(_short, note)}")
    for number, method in enumerate(args.method):

        def tell(phase: str, done: int, total: int, number: int = number) -> None:
            first = _SHARE[phase]
            last = _SHARE[_PHASES[_PHASES.index(phase) + 1]]
            share = first + (last - first) * done / max(total, 1)
            where = f" ({done}/{total})" if total > 1 else ""
            bar.within((number + share) / len(args.method), f"{job.name}: {phase}{where}")

        found = _by_method(method, scene, settings, networks, tell)
        bar.within((number + _SHARE["writing"]) / len(args.method), f"{job.name}: writing")
        name = job.name if method == OURS else f"{job.name}-{method}"
        write_segmentation(args.out, name, found, formats=tuple(formats))
        for note in found.provenance.get("notes", ()):
            bar.say(f"{name}: {note}")
        rows.append(row_of(name, found, time.monotonic() - began))
        began = time.monotonic()
    return rows


def _by_method(
    method: str,
    scene: Scene,
    settings: "SegmentSettings",
    networks: Networks,
    tell: Callable[[str, int, int], None],
) -> "Segmentation":
    if method == OURS:
        from pointins_engine.segment.pipeline import segment_scene

        return segment_scene(scene, networks.of(scene, settings), settings, tell)
    from pointins_engine.segment.classical import cluster_scene

    return cluster_scene(scene, method, settings, tell)


def _check_methods(methods: Sequence[str], settings: "SegmentSettings") -> None:
    from pointins_engine.baselines import METHODS

    for method in methods:
        if method != OURS and method not in METHODS:
            raise ConfigError(
                f"--method {method}: no such method; there are {', '.join([OURS, *METHODS])}."
            )
    numbers = ("radius", "min_size", "least_score")
    ours_only = [name for name in numbers if getattr(settings, name) is not None]
    if ours_only and OURS not in methods:
        flag = "--" + ours_only[0].replace("_", "-")
        raise ConfigError(f"{flag} is a setting of the method pointins; add it to --method.")


def _jobs(args: argparse.Namespace) -> tuple[list[Job], list[str]]:
    """Every scan that the arguments name, with a name of its own in the output folder.

    One of several arguments that names no scan becomes a sentence, and does not hold up the others.

    Raises:
        SceneError: If the only argument names no scan.
    """
    jobs: list[Job] = []
    failures: list[str] = []
    taken: set[str] = set()
    for source in args.scans:
        try:
            listed = list(_scans(source, args))
        except SceneError as error:
            if len(args.scans) == 1:
                raise
            failures.append(_worded(error, source))
            continue
        for id, where, read in listed[: args.limit]:
            name, count = id, 1
            while name in taken:
                count += 1
                name = f"{id}-{count}"
            taken.add(name)
            jobs.append(Job(name=name, source=where, read=read))
    return jobs, failures


def _scans(
    source: str, args: argparse.Namespace
) -> Iterator[tuple[str, str, Callable[[], tuple[Scene, list[str]]]]]:
    """Id, place and reader of every scan of a source.

    Raises:
        SceneError: If nothing is there or nothing can be read.
    """
    from pointins_engine.scene_index.listing import list_scenes
    from pointins_engine.scenes.datasets import open_dataset

    if source.startswith("sim:"):
        made = list_scenes(source, args.limit or 1)
        for index, id in enumerate(made.ids):
            yield id, id, lambda index=index: made.read(index)
        return
    dataset = open_dataset(source, units=args.units, up=args.up, is_strict=True)
    for entry in dataset.entries:
        yield entry.id, str(entry.path), lambda entry=entry: dataset.read(entry)


def row_of(name: str, found: "Segmentation", seconds: float) -> Row:
    """What the summary says of a segmentation."""
    sizes = sorted(int(instance["points"]) for instance in found.instances())
    return Row(
        name=name,
        points=len(found.coord),
        instances=len(sizes),
        median_size=sizes[len(sizes) // 2] if sizes else 0,
        mean_score=float(found.score.mean()) if len(found.score) else 0.0,
        seconds=seconds,
    )


def summary(rows: Sequence[Row]) -> str:
    """A table, a line a scan and method."""
    head = ("scan", "points", "instances", "median size", "mean score", "seconds")
    cells = [
        (
            row.name,
            f"{row.points:,}",
            f"{row.instances:,}",
            f"{row.median_size:,}" if row.instances else "-",
            f"{row.mean_score:.2f}" if row.instances else "-",
            f"{row.seconds:.1f}",
        )
        for row in rows
    ]
    wide = [max(len(line[n]) for line in (head, *cells)) for n in range(len(head))]
    lines = []
    for line in (head, *cells):
        rest = (text.rjust(width) for text, width in zip(line[1:], wide[1:], strict=True))
        lines.append("  ".join((line[0].ljust(wide[0]), *rest)))
    return "\n".join(lines)


def _worded(error: PointinsError, source: str) -> str:
    """An error in the words of this command."""
    text = str(error)
    text = text.replace("choose a larger --scene.grid-size", "pass a --scale below 1")
    text = _FLAG.sub(_short, text)
    return text if source in text or not isinstance(error, SceneError) else f"{source}: {text}"


def _short(found: "re.Match[str]") -> str:
    return f"--{found[1]}"

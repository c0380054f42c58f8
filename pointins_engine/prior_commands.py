"""`pointins prior`: measure a prior of offset lengths on scenes, and look at priors side by side.

`fit` reads scenes and writes a file; `show` compares files, runs and built-in priors. Pictures are
the studio's business: the engine starts it by name.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import numpy as np
from jaxtyping import Float

from pointins_engine.config import SceneConfig, Units, UpAxis
from pointins_engine.errors import ConfigError, RunError
from pointins_engine.offset_prior.files import find_prior, write_prior
from pointins_engine.offset_prior.fit import Family
from pointins_engine.offset_prior.offsets import Domain
from pointins_engine.offset_prior.record import NAME, PriorRecord, builtin_priors
from pointins_engine.types import Scene

# Metres: cells of the loss stage in the paper's recipes.
CELL_SIZE: dict[Domain, float] = {"indoor": 0.08, "outdoor": 0.2}
NUM_SCENES = 64  # looked at unless --limit says otherwise
MAX_COLUMNS = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    fit = actions.add_parser(
        "fit",
        help="Measure the distances of points to the centres of their objects; write a file.",
        allow_abbrev=False,
    )
    fit.add_argument("scenes", metavar="SCENES", help="dataset, folder, scan, sim:rooms, ...")
    fit.add_argument(
        "--method",
        choices=["hdbscan", "labels", "sample"],
        default="hdbscan",
        help="hdbscan: clusters, without labels; labels: labelled objects; sample: labelled "
        "objects of a random share of the scenes",
    )
    fit.add_argument("--out", type=Path, metavar="FILE.json", help="write the prior there")
    fit.add_argument("--share", type=float, default=0.01, help="of the scenes, for sample")
    fit.add_argument("--seed", type=int, default=0, help="decides what is drawn")
    fit.add_argument("--cell-size", type=float, metavar="M", help="of the loss stage, in metres")
    fit.add_argument(
        "--family",
        choices=get_args(Family),
        default="empirical",
        help="empirical keeps the measured table; auto the better one of gamma and lognormal",
    )
    fit.add_argument(
        "--limit",
        type=int,
        default=NUM_SCENES,
        metavar="N",
        help=f"scenes at most, evenly spread (default: {NUM_SCENES}; 0: all; not for sample)",
    )
    fit.add_argument(
        "--domain", choices=[*CELL_SIZE], help="how planes are found (default: told by the scenes)"
    )
    fit.add_argument("--dataset", default="", metavar="NAME", help="if the files do not tell")
    fit.add_argument("--units", choices=get_args(Units), default="auto", help="of plain scans")
    fit.add_argument("--up", choices=get_args(UpAxis), default="auto", help="of plain scans")

    show = actions.add_parser(
        "show", help="Compare priors: figures, densities and distances.", allow_abbrev=False
    )
    show.add_argument(
        "priors",
        nargs="+",
        metavar="PRIOR",
        help=f"file, run folder, or one of: {', '.join(builtin_priors())}",
    )
    show.add_argument("--plot", type=Path, metavar="FILE.html", help="write a figure there, too")


def run(args: argparse.Namespace) -> int:
    """Fit or show.

    Raises:
        SceneError: If the scenes cannot be read, or lack the labels that are asked for.
        ConfigError: If nothing can be measured, or a prior is none.
        RunError: If a file cannot be read or written.
    """
    return _fit(args) if args.action == "fit" else _show(args)


@dataclass(slots=True)
class _Truth:
    """Offsets of labelled objects, gathered beside a fit that does not use them."""

    cell_size: float
    found: list[Float[np.ndarray, "n 3"]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def look(self, scene: Scene) -> None:
        from pointins_engine.offset_prior.offsets import labelled_offsets

        if scene.instance_label is not None:
            self.found.append(labelled_offsets(scene, self.cell_size))
            self.ids.append(scene.id)

    def record(self, source: str) -> PriorRecord | None:
        from pointins_engine.offset_prior.fit import measured_prior

        offset = np.concatenate(self.found) if self.found else np.empty((0, 3))
        if len(offset) < 2:
            return None
        return measured_prior(
            offset,
            name="labels",
            method="labels",
            source=source,
            labels_used=True,
            scenes=tuple(self.ids),
        )


def _fit(args: argparse.Namespace) -> int:
    from pointins_engine.item_progress import ItemProgress
    from pointins_engine.offset_prior.measure import label_free_prior, labelled_prior, sampled
    from pointins_engine.offset_prior.summary import comparison
    from pointins_engine.scenes.source import open_scenes

    _check(args)
    domain: Domain = args.domain or _domain(args)
    cell_size = args.cell_size or CELL_SIZE[domain]
    source = SceneConfig(
        source=args.scenes,
        dataset=args.dataset,
        num_simulated=args.limit or NUM_SCENES,
        domain=domain,
        grid_size=cell_size / 4,
        feats=("coord",),
        units=args.units,
        up=args.up,
    )
    scenes = open_scenes(source, args.seed)
    if args.method == "sample":
        chosen = sampled(len(scenes), args.share, args.seed)
    else:
        chosen = _spread(len(scenes), args.limit)
    words = f"{args.scenes} ({len(chosen)} of {len(scenes)} scenes)"
    print(f"{words}, {domain}, cells of {cell_size:g} m", file=sys.stderr)
    name = args.out.stem if args.out else args.method
    common = {"cell_size": cell_size, "source": args.scenes, "seed": args.seed}
    common |= {"name": name, "family": args.family}
    truth = _Truth(cell_size)
    with ItemProgress("scenes", len(chosen)) as bar:

        def report(scene: Scene, count: int) -> None:
            if args.method == "hdbscan":
                truth.look(scene)
            bar.advance()

        some = (scenes[number] for number in chosen)
        if args.method == "hdbscan":
            record = label_free_prior(some, domain=domain, report=report, **common)
        else:
            share = args.share if args.method == "sample" else None
            record = labelled_prior(some, share=share, report=report, **common)
    for warning in scenes.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    priors = {name: record}
    known = truth.record(args.scenes)
    if known is not None:
        priors["labels" if name != "labels" else "labels of the same scenes"] = known
    print(comparison(priors, _columns()))
    if args.out:
        write_prior(args.out, record)
        print(
            f"\nWritten to {args.out}. Train with it:\n"
            f"  pointins pretrain RECIPE --odr.prior.kind file --odr.prior.path {args.out}"
        )
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.cell_size is not None and args.cell_size <= 0:
        raise ConfigError(f"--cell-size must be > 0 metres, got {args.cell_size}.")
    if args.limit < 0:
        raise ConfigError(f"--limit must be >= 0, got {args.limit}.")
    if args.out and (args.out.suffix != ".json" or not NAME.fullmatch(args.out.stem)):
        raise ConfigError(
            f"--out {args.out}: the name of a prior's file is letters, digits, '.', '_' or '-' and "
            "ends with .json."
        )
    if args.out and not args.out.parent.is_dir():
        raise RunError(f"--out {args.out}: the folder {args.out.parent} does not exist. Make it.")


def _domain(args: argparse.Namespace) -> Domain:
    """Indoor or outdoor, as the simulator's name or the extent of the first scene tells."""
    from pointins_engine.scenes.planes import guess_domain
    from pointins_engine.scenes.source import open_raw_scenes

    if args.scenes.startswith("sim:"):
        return "outdoor" if args.scenes == "sim:streets" else "indoor"
    return guess_domain(open_raw_scenes(args.scenes, args.units, args.up, args.dataset)[0].coord)


def _spread(count: int, limit: int) -> Sequence[int]:
    wanted = min(limit or count, count)
    return [number * count // wanted for number in range(wanted)]


def _show(args: argparse.Namespace) -> int:
    from pointins_engine.offset_prior.summary import comparison

    priors = named_priors(args.priors)
    print(comparison(priors, _columns()))
    if args.plot:
        if args.plot.suffix != ".html":
            raise ConfigError(f"--plot {args.plot}: the figure is a page; end its name with .html.")
        sys.stdout.flush()
        command = [
            sys.executable,
            "-m",
            "app.charts.prior_figure",
            "--out",
            str(args.plot),
            *args.priors,
        ]
        return subprocess.run(command, check=False).returncode
    return 0


def named_priors(texts: Sequence[str]) -> dict[str, PriorRecord]:
    """Priors by a short name that tells them apart.

    Raises:
        RunError, ConfigError: As `find_prior`.
    """
    found: dict[str, PriorRecord] = {}
    for text in texts:
        record = find_prior(text)
        path = Path(text).expanduser()
        name = text if text in builtin_priors() else path.resolve().name.removesuffix(".json")
        number = 1
        while (label := name if number == 1 else f"{name} ({number})") in found:
            number += 1
        found[label] = record
    return found


def _columns() -> int:
    return min(shutil.get_terminal_size((80, 24)).columns, MAX_COLUMNS)

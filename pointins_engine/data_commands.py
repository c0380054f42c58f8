"""`pointins data`: is a dataset on disk what it should be, and can it be read faster."""

import argparse
import sys
from pathlib import Path
from typing import get_args

from pointins_engine.config import Units, UpAxis
from pointins_engine.errors import ConfigError, SceneError

EXIT_UNREADABLE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser(
        "check", help="Read every scene and report what is there, what is wrong and how to fix it."
    )
    check.add_argument("--json", type=Path, metavar="FILE", help="write the facts there, too")
    check.add_argument("--limit", type=int, metavar="N", help="read N scenes, over all splits")
    convert = actions.add_parser(
        "convert", help="Write scenes as files that are read without parsing."
    )
    convert.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    convert.add_argument("--splits", nargs="+", default=[], metavar="SPLIT", help="default: all")
    convert.add_argument("--voxel", type=float, metavar="M", help="keep one point a cube, metres")
    convert.add_argument("--sample-meshes", action="store_true", help="points on a PLY's faces")
    convert.add_argument("--normals", action="store_true", help="estimate normals where none are")
    for action in (check, convert):
        action.add_argument("path", metavar="PATH", help="dataset, folder of scans, or one scan")
        action.add_argument(
            "--dataset", default="", metavar="NAME", help="if the files do not tell"
        )
        action.add_argument(
            "--units", choices=get_args(Units), default="auto", help="of plain scans"
        )
        action.add_argument("--up", choices=get_args(UpAxis), default="auto", help="the same")
        action.add_argument("--jobs", type=int, metavar="N", help="processes (default: the cores)")


def run(args: argparse.Namespace) -> int:
    """Check or convert; 2 if a scene cannot be read.

    Raises:
        SceneError: If nothing can be read at PATH.
        RunError: If a file cannot be written.
    """
    from pointins_engine.scenes.datasets.jobs import default_jobs  # here: --help comes at once

    if args.path.startswith("sim:"):
        raise SceneError(f"{args.path} is made, not read; there are no files to look at.")
    args.jobs = args.jobs or default_jobs()
    return _convert(args) if args.action == "convert" else _check(args)


def _check(args: argparse.Namespace) -> int:
    from pointins_engine.item_progress import ItemProgress
    from pointins_engine.run_log.files import write_json
    from pointins_engine.scenes.datasets import open_dataset
    from pointins_engine.scenes.datasets.check import check
    from pointins_engine.scenes.datasets.check_text import format_check

    if args.limit is not None and args.limit < 1:
        raise ConfigError(f"--limit must be >= 1, got {args.limit}.")
    dataset = open_dataset(args.path, args.dataset, units=args.units, up=args.up)
    total = len(dataset.entries) if args.limit is None else min(args.limit, len(dataset.entries))
    with ItemProgress("scenes", total) as bar:
        report = check(dataset, limit=args.limit, jobs=args.jobs, watch=bar.advance)
    print(format_check(report))
    if args.json:
        write_json(args.json, report)
    return EXIT_UNREADABLE if any(fault["unreadable"] for fault in report["faults"]) else 0


def _convert(args: argparse.Namespace) -> int:
    from pointins_engine.item_progress import ItemProgress
    from pointins_engine.scenes.datasets import open_dataset
    from pointins_engine.scenes.datasets.convert import Settings, convert

    settings = Settings(
        voxel=args.voxel,
        normals=args.normals,
        units=args.units,
        up=args.up,
        sample_meshes=args.sample_meshes,
    )
    dataset = open_dataset(
        args.path,
        args.dataset,
        units=args.units,
        up=args.up,
        is_strict=True,
        sample_meshes=args.sample_meshes,
    )
    entries = dataset.entries_of(*args.splits) if args.splits else dataset.entries
    with ItemProgress("scenes", len(entries)) as bar:
        bar.say(f"{dataset.title}: {len(entries):,} scenes to {args.out}")
        for line in (f"licence: {dataset.licence}", *dataset.notes):
            bar.say(line)
        try:
            outcome = convert(
                dataset,
                args.out,
                settings,
                splits=args.splits,
                jobs=args.jobs,
                watch=bar.advance,
            )
        except KeyboardInterrupt:
            bar.say("Stopped; the same command goes on from here.")
            raise
    print(
        f"{args.out}: {outcome.num_written:,} scenes written, "
        f"{outcome.num_passed_over:,} up to date, {len(outcome.failures):,} failed."
    )
    for id, reason in outcome.failures:
        print(f"error: {id}: {reason}", file=sys.stderr)
    return EXIT_UNREADABLE if outcome.failures else 0

"""`pointins evaluate`: compare predicted instances with ground truth, of any program's files."""

import argparse
import math
import sys
from collections.abc import Container
from pathlib import Path
from typing import Any

from pointins_engine.errors import ConfigError, RunError
from pointins_engine.evaluate.benchmark_names import NAMES

FORMAT = "pointins-evaluation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PRED GT",
        help="prediction and ground truth: two files or two folders whose names pair up; "
        "again for more",
    )
    parser.add_argument(
        "--benchmark",
        choices=["auto", *NAMES],
        default="auto",
        help="what the numbers of the ground truth mean (default: told by its files)",
    )
    parser.add_argument(
        "--min-region",
        type=int,
        metavar="POINTS",
        help="smaller instances do not count (default: 100; in PQ with classes 50 for "
        "semantickitti, 15 for nuscenes)",
    )
    parser.add_argument(
        "--overlap-095",
        action="store_true",
        help="AP over .50 .. .95; the benchmark's own mean ends at .90",
    )
    parser.add_argument(
        "--merge-classes",
        action="store_true",
        help="join raw classes that are one class before segments are told apart (road and lane "
        "markings); the benchmark's script does not",
    )
    parser.add_argument(
        "--ids-from-zero",
        action="store_true",
        help="0 is an instance in plain lists of ids, also where none is below 0",
    )
    parser.add_argument(
        "--only-predicted",
        action="store_true",
        help="leave out scans of the ground truth folder that have no prediction",
    )
    parser.add_argument(
        "--method",
        default="",
        metavar="NAME",
        help="of a folder of predictions the files SCAN-NAME, as `pointins segment --method` "
        "writes them",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write all figures there")


def run(args: argparse.Namespace) -> int:
    """Evaluate, print tables, and write the figures where asked for.

    Raises:
        SceneError, ConfigError, RunError: If a file cannot be read, paths do not pair up, or an
            argument is not possible.
    """
    from pointins_engine.evaluate.benchmarks import (
        as_prediction,
        as_truth,
        open_benchmark,
        told_by,
        zero_is_none,
    )
    from pointins_engine.evaluate.evaluation import Evaluation
    from pointins_engine.evaluate.evaluation_text import evaluation_text
    from pointins_engine.evaluate.instance_ap import MIN_REGION
    from pointins_engine.evaluate.label_files import read_labels
    from pointins_engine.evaluate.pairing import find_pairs
    from pointins_engine.item_progress import ItemProgress

    _check(args)
    pairs, notes = find_pairs(args.paths, only_predicted=args.only_predicted, method=args.method)
    first = read_labels(pairs[0].truth)
    name = told_by(first) if args.benchmark == "auto" else args.benchmark
    evaluation = Evaluation(
        benchmark=open_benchmark(name, first, by_word=not args.merge_classes),
        min_region=args.min_region or MIN_REGION,
        min_points=args.min_region or 0,
        include_095=args.overlap_095,
    )
    scans: dict[str, dict[str, float]] = {}
    from_zero = args.ids_from_zero
    assumed = []
    with ItemProgress("scans", len(pairs)) as bar:
        for number, pair in enumerate(pairs):
            true_file = read_labels(pair.truth) if number else first
            file = read_labels(pair.prediction)
            truth = as_truth(true_file, evaluation.benchmark, from_zero=from_zero)
            prediction = as_prediction(
                file,
                evaluation.benchmark,
                len(truth.instances.instance_label),
                from_zero=from_zero,
            )
            lists = [file] if evaluation.benchmark.has_classes else [file, true_file]
            assumed += [f.path for f in lists if zero_is_none(f, from_zero=from_zero)]
            scans[_free(pair.name, scans)] = evaluation.add(prediction, truth)
            bar.advance()
    if assumed:
        notes.append(
            f"{assumed[0].name}: no id is below 0, so 0 was read as no instance; --ids-from-zero "
            "makes it one."
        )
    figures = evaluation.figures()
    print(evaluation_text(figures, scans))
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    if args.out:
        record = {
            "format": FORMAT,
            "version": 1,
            **figures,
            "notes": notes,
            "scans_by_name": {
                name: {"prediction": str(p.prediction), "truth": str(p.truth), "figures": found}
                for p, (name, found) in zip(pairs, scans.items(), strict=True)
            },
        }
        _write(args.out, record)
        print(f"\nWritten to {args.out}.")
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.min_region is not None and args.min_region < 1:
        raise ConfigError(f"--min-region must be 1 point or more, got {args.min_region}.")
    if args.out and args.out.suffix != ".json":
        raise ConfigError(f"--out {args.out}: the figures are JSON; end the name with .json.")
    if args.out and not args.out.absolute().parent.is_dir():
        raise RunError(f"--out {args.out}: the folder {args.out.parent} does not exist. Make it.")


def _free(name: str, taken: Container[str]) -> str:
    number = 1
    while (free := name if number == 1 else f"{name} ({number})") in taken:
        number += 1
    return free


def _write(path: Path, record: dict[str, Any]) -> None:
    from pointins_engine.run_log.files import write_json

    write_json(path, _without_nan(record))


def _without_nan(value: Any) -> Any:
    """What JSON can hold: NaN, a figure that is not defined, becomes null."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value

"""`pointins steer`: ask a running trainer for something from a shell, and wait for its answer."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pointins_engine.errors import ConfigError, RunError
from pointins_engine.live_edits import LIVE_FIELDS
from pointins_engine.run_log.control import COMMANDS, drop_command
from pointins_engine.run_log.control import why_nobody_listens as why_not
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.store import Run

POLL_S = 0.1
EXIT_REFUSED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder or name of a run")
    parser.add_argument("asked", choices=COMMANDS, metavar="COMMAND", help=", ".join(COMMANDS))
    parser.add_argument(
        "values",
        nargs="*",
        metavar="NAME=VALUE",
        help="of set, for example offset.weight=0.1 or view.mask_ratio=0.3,0.6; may change: "
        + ", ".join(LIVE_FIELDS),
    )
    parser.add_argument(
        "--wait", type=float, default=60.0, metavar="S", help="seconds to wait for the answer (60)"
    )


def run(args: argparse.Namespace, runs: Path) -> int:
    """Drop the command and print the trainer's answer.

    Args:
        args: Of `add_arguments`.
        runs: Where runs lie that are called by their name.

    Returns:
        0 if it was done, 1 if it was refused or nobody answered.

    Raises:
        ConfigError, RunError: If there is nothing to ask, or no trainer that listens.
    """
    run = _open(args.run_folder, runs)
    values = parse_values(args.values) if args.asked == "set" else None
    if args.asked != "set" and args.values:
        raise ConfigError(f"{args.asked} takes no values, got {' '.join(args.values)}.")
    if reason := why_not(run.state()):
        raise RunError(f"{run.paths.root}: {reason}")
    seen = len(run.events())
    asked = drop_command(run.paths, args.asked, values, by="cli")
    until = time.monotonic() + args.wait
    while True:
        reason = why_not(run.state())  # before the answer: a run that ends answers first
        answer = _answer(run, asked, seen)
        if answer is not None:
            print(answer["text"], file=sys.stdout if answer["ok"] else sys.stderr)
            return 0 if answer["ok"] else EXIT_REFUSED
        if reason:
            print(reason, file=sys.stderr)
            return EXIT_REFUSED
        if time.monotonic() > until:
            print(
                f"The trainer has not answered within {args.wait:g} s: its step takes longer. It "
                "will, in the events of the run; --wait sets how long to stay.",
                file=sys.stderr,
            )
            return EXIT_REFUSED
        time.sleep(POLL_S)


def parse_values(words: Sequence[str]) -> dict[str, Any]:
    """`NAME=VALUE` as values by name: numbers, lists of numbers with commas, else text.

    Raises:
        ConfigError: If there is none, or a word has no `=`.
    """
    if not words:
        raise ConfigError("set needs NAME=VALUE, for example offset.weight=0.1.")
    values = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise ConfigError(f"expected NAME=VALUE, got {word!r}.")
        values[name] = _value(text)
    return values


def _value(text: str) -> Any:
    for candidate in (text, f"[{text}]") if "," in text else (text,):
        try:
            return json.loads(candidate)
        except ValueError:
            continue
    return text


def _open(folder: Path, runs: Path) -> Run:
    for root in (folder, runs / folder):
        if RunPaths(root).run.exists():
            return Run(root.resolve())
    raise RunError(f"neither {folder} nor {runs / folder} holds a run.")


def _answer(run: Run, asked: str, seen: int) -> dict[str, Any] | None:
    events = run.events()[seen:]
    return next((e for e in events if e["kind"] == "control" and e["id"] == asked), None)

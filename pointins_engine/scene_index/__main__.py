"""`python -m pointins_engine.scene_index SOURCE --cache DIR`: make the index of a collection.

The studio runs this as a child process, so a scan that brings the process down costs that scan and
not the studio. Attended, a line on standard input names a scene to read next, and the end of the
input ends the job.
"""

import argparse
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from pointins_engine.errors import PointinsError
from pointins_engine.scene_index.cache import CACHE_BYTES, CollectionFolder, prune
from pointins_engine.scene_index.job import Progress, make_index
from pointins_engine.scene_index.listing import NUM_SIMULATED, list_scenes

_NICE = 5  # a training on this machine comes first
_STOPPED = 3  # exit status


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m pointins_engine.scene_index")
    parser.add_argument("source", help="dataset, folder of scans, scan, sim:rooms or sim:streets")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--num", type=int, default=NUM_SIMULATED, help="simulated scenes")
    parser.add_argument("--only", action="append", default=[], metavar="ID")
    parser.add_argument("--attended", action="store_true", help="somebody writes to our input")
    options = parser.parse_args(argv)
    os.nice(_NICE)
    folder = CollectionFolder.of(options.cache, options.source)
    folder.arrays.mkdir(parents=True, exist_ok=True)
    before = folder.read_progress()
    suspect = before.get("now", "") if before.get("status") == "running" else ""
    progress = Progress(folder.progress)
    wanted: queue.SimpleQueue[str] = queue.SimpleQueue()
    signal.signal(signal.SIGTERM, lambda *_: _leave(progress))
    if options.attended:
        threading.Thread(target=_hear, args=(sys.stdin, wanted, progress), daemon=True).start()
    try:
        listing = list_scenes(options.source, options.num)
        make_index(
            options.source,
            listing,
            folder,
            progress,
            suspect=suspect,
            only=options.only,
            wanted=wanted,
        )
    except PointinsError as error:
        progress.close("failed", str(error))
        return 2
    prune(options.cache, CACHE_BYTES)
    return 0


def _hear(lines: Iterable[str], wanted: "queue.SimpleQueue[str]", progress: Progress) -> None:
    for line in lines:
        wanted.put(line.strip())
    _leave(progress)


def _leave(progress: Progress) -> NoReturn:
    """End at once: files are whole or not there, so nothing is left behind."""
    progress.close("stopped")
    os._exit(_STOPPED)


if __name__ == "__main__":
    sys.exit(main())

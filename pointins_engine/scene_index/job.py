"""The job that makes an index: rows and arrays that the cache lacks, one scene after the other."""

import os
import queue
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open

from pointins_engine.run_log.files import write_json
from pointins_engine.scene_index.cache import CollectionFolder, scene_key
from pointins_engine.scene_index.listing import Listing
from pointins_engine.scene_index.measure import make_row

_HEARTBEAT_S = 0.5


class Progress:
    """How far the job is, for whoever watches; written a few times a second at most."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began = time.monotonic()
        self._written = float("-inf")
        self._values: dict[str, Any] = {"status": "running", "pid": os.getpid()}
        self._made = 0  # scenes read by this job, which the time left is told by

    def tell(self, done: int, total: int, now: str, *, is_new: bool = False) -> None:
        """State the position; `is_new` where the last scene was read and not found in the cache."""
        self._made += is_new
        passed = time.monotonic() - self._began
        left = round(passed / self._made * (total - done), 1) if self._made else None
        self._values |= {"done": done, "total": total, "now": now, "eta_s": left}
        if time.monotonic() - self._written >= _HEARTBEAT_S:
            self._write()

    def close(self, status: Literal["finished", "failed", "stopped"], detail: str = "") -> None:
        self._values |= {"status": status, "detail": detail, "now": "", "eta_s": None}
        self._write()

    def _write(self) -> None:
        write_json(self._path, self._values)
        self._written = time.monotonic()


def make_index(
    source: str,
    listing: Listing,
    folder: CollectionFolder,
    progress: Progress,
    *,
    suspect: str = "",
    only: Sequence[str] = (),
    wanted: "queue.SimpleQueue[str] | None" = None,
) -> None:
    """Make what is missing or older than its files; scenes that failed before are tried again.

    Args:
        source: Where the scenes come from; part of their keys.
        listing: The scenes.
        folder: Where rows and arrays go.
        progress: Told of every scene.
        suspect: A scene that an earlier job ended at; it comes last.
        only: Ids to make and no others, though their rows be current; all that is missing if empty.
        wanted: Ids that somebody waits for; they come next.
    """
    number = {id: index for index, id in enumerate(listing.ids)}
    keys = {id: scene_key(f"{source} {id}", listing.files(index)) for id, index in number.items()}
    known = {row.id: row for row in folder.read_rows()[0] if keys.get(row.id) == row.key}
    write_json(
        folder.collection,
        {
            "source": source,
            "title": listing.title,
            "licence": listing.licence,
            "ids": list(listing.ids),
            "keys": keys,
        },
    )
    folder.rewrite_rows(known.values())
    todo = [id for id in only if id in number] if only else _missing(listing, known, keys, folder)
    todo.sort(key=lambda id: id == suspect)
    total, done = len(number), len(number) - len(todo)
    made: set[str] = set()
    while todo:
        id = todo.pop(0)
        if id in made:
            continue
        progress.tell(min(done + len(made), total), total, id)
        index = number[id]
        read, split = lambda index=index: listing.read(index), listing.split_of[index]
        folder.append(make_row(id, keys[id], read, folder, split))
        made.add(id)
        progress.tell(min(done + len(made), total), total, id, is_new=True)
        while wanted is not None and not wanted.empty():
            asked = wanted.get()
            todo = [asked, *todo] if asked in number else todo
    progress.close("finished")


def _missing(
    listing: Listing, known: dict[str, Any], keys: dict[str, str], folder: CollectionFolder
) -> list[str]:
    """Ids without a row, then those whose arrays are gone or damaged, then those that failed."""
    failed = [id for id, row in known.items() if row.error is not None]
    lost = [
        id
        for id, row in known.items()
        if row.error is None and not _is_whole(folder.scene(id, keys[id]))
    ]
    return [*(id for id in listing.ids if id not in known), *lost, *failed]


def _is_whole(path: Path) -> bool:
    """Whether a file of arrays has the length that its header states; the arrays are not read."""
    try:
        with safe_open(path, framework="numpy"):
            return True
    except (OSError, SafetensorError):
        return False

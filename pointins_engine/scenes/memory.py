"""How much memory scenes may take. What fits is read and completed once, not in every epoch."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

_SHARE = 0.25  # of the memory; networks, views and the page cache need theirs
_LEAST = 1 << 30  # bytes: hundreds of rooms or sweeps
_LIMITS = (  # of a container, in its own files
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def scene_memory(
    limits: Sequence[Path] = _LIMITS, environment: Mapping[str, str] = os.environ
) -> int:
    """Bytes for the scenes of one process: a quarter of the machine's memory or its container's.

    The ranks that torchrun starts on one machine share it (`LOCAL_WORLD_SIZE`).
    """
    total = 4 * _LEAST
    if hasattr(os, "sysconf"):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in limits:
        try:
            total = min(total, int(path.read_text()))
        except (OSError, ValueError):  # no such limit, or "max"
            continue
    ranks = environment.get("LOCAL_WORLD_SIZE", "")
    share = int(_SHARE * total) // (int(ranks) if ranks.isdigit() and int(ranks) else 1)
    return max(_LEAST, share)

"""`make bench`, or `python -m benchmarks [steps] [latency] [world] [...]`: Markdown tables."""

import argparse
import os
import platform
import tempfile
from functools import partial
from pathlib import Path

from benchmarks import (
    building,
    instances,
    latency,
    loading,
    offsets,
    reading,
    segmentation,
    steps,
    viewport,
    watching,
    world,
)

BENCHMARKS = {
    "steps": steps.table,
    "instances": instances.table,
    "latency": latency.table,
    "viewport": viewport.table,
    "watching": watching.table,
    "reading": reading.table,
    "loading": loading.table,
    "world": world.table,
    "offsets": offsets.table,
    "segmentation": segmentation.table,
    "building": building.table,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="default: all")
    parser.add_argument("--data", metavar="DIR", help="real scans (default: $POINTINS_DATA)")
    parser.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        metavar="NAME",
        help="segmentation: in place of the built-in network of the domain it learned in",
    )
    args = parser.parse_args()
    names = args.names or list(BENCHMARKS)
    if args.data:
        os.environ["POINTINS_DATA"] = args.data
    tables = {
        **BENCHMARKS,
        "segmentation": partial(segmentation.table, checkpoints=args.checkpoint),
    }
    print(f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            print(f"## {name}\n\n{tables[name](Path(folder))}\n", flush=True)


def _processor() -> str:
    """The processor's name where the kernel tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()

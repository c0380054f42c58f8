"""What a launch asks of this machine: devices, and processes told apart by their start."""

import os
import subprocess
from pathlib import Path
from typing import Any

KEPT_ENVIRONMENT = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"),
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "XDG_CACHE_HOME", "TRITON_CACHE_DIR", "VIRTUAL_ENV"),
)


def environment() -> dict[str, str]:
    """What a training process sees of ours; one core stays free for the studio and the browser."""
    threads = str(max((os.cpu_count() or 2) - 1, 1))
    kept = {name: value for name, value in os.environ.items() if name in KEPT_ENVIRONMENT}
    return {"OMP_NUM_THREADS": threads, **kept}


def resolved_device(name: str) -> str:
    """The device that a name means on this machine: cpu or cuda with its number."""
    if name == "auto":
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
        name = "cuda" if Path("/dev/nvidia0").exists() and not hidden else "cpu"
    return "cuda:0" if name == "cuda" else name


def started_at(pid: int) -> str:
    """When a process began, in the system's own count; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[-1].split()[19]
    except (OSError, IndexError):
        said = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return said.stdout.strip()


def is_on(record: dict[str, Any], device: str) -> bool:
    """Whether a run's device is the given one; a GPU without a number is the first."""
    name = str(record.get("device", "")).partition(" ")[0]
    return (f"{name}:0" if name == "cuda" else name) == device

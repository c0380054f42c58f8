"""What this machine has, which backend does what, and why: `pointins doctor`."""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys

from pointins_engine import __version__

PACKAGES = (
    "torch", "numpy", "scipy", "scikit-learn", "safetensors", "dash", "plotly", "polyscope",
    "open3d-cpu", "open3d", "laspy", "lazrs", "pye57", "triton", "flash-attn",
    "spconv-cu120", "spconv-cu126",
)  # fmt: skip
OPEN3D_PACKAGES = "libusb-1.0-0 libgomp1 libgl1 libegl1 libx11-6"


def report() -> str:
    """Machine, versions and backends, one line each."""
    import torch

    from pointins_engine.backbone.attention import attention_backend
    from pointins_engine.backbone.sparse_conv import sparse_conv_backend

    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    name = torch.cuda.get_device_name(device) if cuda else "no CUDA device found by torch"
    rows = [
        ("pointins", __version__),
        ("python", f"{platform.python_version()} on {platform.platform()}"),
        ("cores", f"{os.cpu_count()}, torch uses {torch.get_num_threads()} threads"),
        ("memory", _memory()),
        ("gpu", name),
    ]
    rows += [(package, version) for package in PACKAGES if (version := _version(package))]
    for what, backend in (
        ("attention", attention_backend(device)),
        ("sparse conv", sparse_conv_backend(device)),
    ):
        rows.append((what, f"{backend.name}: {backend.reason}"))
    rows += [("rendering", _rendering()), ("open3d", _open3d())]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _memory() -> str:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{total / 2**30:.1f} GiB"


def _rendering() -> str:
    """Ask the studio's renderer in a process of its own: a missing library may end it."""
    found = _ask([sys.executable, "-m", "app.pictures.renderer"])
    try:
        answer = json.loads(found.splitlines()[-1])
    except (ValueError, IndexError):
        return f"not available: {found.strip()[-200:] or 'the renderer did not answer'}"
    if answer["ok"]:
        return f"{answer['backend']}: {answer['gl']}"
    return f"not available: {answer['reason']}"


def _open3d() -> str:
    found = _ask([sys.executable, "-c", "import open3d; print('ok', open3d.__version__)"])
    if found.startswith("ok"):
        return f"importable ({found.split()[1]})"
    reason = found.strip().splitlines()[-1] if found.strip() else "no answer"
    return f"not importable: {reason} (Debian: apt-get install {OPEN3D_PACKAGES})"


def _ask(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return "timed out after 120 s"
    return done.stdout or done.stderr

"""What comes with the package: two small networks and the recording of a pre-training. No torch.

`python -m pointins_engine.builtin` makes all of it from two finished runs; README.md says what they
were.
"""

from pathlib import Path

from pointins_engine.errors import WeightsError

FOLDER = Path(__file__).resolve().parent
NETWORKS = ("indoor", "outdoor")
RECORDING = FOLDER / "recorded-example"  # a run folder without checkpoints


def builtin_checkpoint(name: str) -> Path:
    """The packed network that comes with the package under a name.

    Raises:
        WeightsError: If there is none of that name, or its file was left out of the installation.
    """
    if name not in NETWORKS:
        known = " and ".join(f"builtin:{network}" for network in NETWORKS)
        raise WeightsError(f"there is no builtin:{name}; there are {known}.")
    path = FOLDER / f"{name}.safetensors"
    if not path.is_file():
        raise WeightsError(
            f"{path} is missing from this installation. Install the package again, or name a run."
        )
    return path


def recorded_example() -> Path | None:
    """The run folder of the recording; None where the installation was made without it."""
    return RECORDING if (RECORDING / "run.json").is_file() else None

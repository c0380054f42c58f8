"""Which prediction belongs to which ground truth, by the names in two folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pointins_engine.errors import SceneError
from pointins_engine.evaluate.label_files import ENDINGS
from pointins_engine.scenes.readers import ending

_ASIDE = frozenset(("labels", "predictions", "velodyne"))  # folders that differ on the two sides
_SHOWN = 3  # names in a message


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two files of one scan."""

    name: str
    prediction: Path
    truth: Path


def find_pairs(
    paths: Sequence[Path], *, only_predicted: bool = False, method: str = ""
) -> tuple[list[Pair], list[str]]:
    """Pair what a command line names: PRED GT, and so on; two files or two folders at a time.

    In folders the names of files pair up without their endings, with the subfolders if these are
    the same on both sides. Of several files of one scan the first of `ENDINGS` is read; text files
    count only at the top, since masks lie below.

    Args:
        paths: Prediction, ground truth, prediction, ...
        only_predicted: Leave out scans of a ground truth folder that nothing was predicted for.
        method: Read the files SCAN-METHOD of a folder of predictions, as `pointins segment` names
            those of classical methods.

    Returns:
        Pairs by name, and sentences about files that were left out.

    Raises:
        SceneError: If paths do not pair up, or a scan has no prediction.
    """
    if len(paths) % 2:
        raise SceneError(
            f"{len(paths)} paths; give a ground truth after every prediction: PRED GT [PRED GT ...]"
        )
    pairs: list[Pair] = []
    notes: list[str] = []
    for prediction, truth in zip(paths[::2], paths[1::2], strict=True):
        for path in (prediction, truth):
            if not path.exists():
                raise SceneError(f"{path}: no such file or folder.")
        if prediction.is_dir() != truth.is_dir():
            folder, file = (prediction, truth) if prediction.is_dir() else (truth, prediction)
            raise SceneError(
                f"{folder} is a folder and {file} a file; give two files or two folders."
            )
        if prediction.is_file():
            pairs.append(Pair(name=_stem(truth), prediction=prediction, truth=truth))
            continue
        found, more = _in_folders(prediction, truth, only_predicted, method)
        pairs += found
        notes += more
    return pairs, notes


def _in_folders(
    prediction: Path, truth: Path, only_predicted: bool, method: str
) -> tuple[list[Pair], list[str]]:
    predicted, true = _listed(prediction, is_truth=False), _listed(truth, is_truth=True)
    if method:
        end = f"-{method}"
        predicted = {k.removesuffix(end): v for k, v in predicted.items() if k.endswith(end)}
    for folder, files in ((prediction, predicted), (truth, true)):
        if not files:
            names = f"SCAN-{method}" if method and folder is prediction else "SCAN"
            raise SceneError(
                f"{folder} holds no file of instances; {names} with one of these endings is looked "
                f"for: {' '.join(ENDINGS)}."
            )
    if not predicted.keys() & true.keys():  # other subfolders: names alone
        predicted, true = _by_stem(predicted, prediction), _by_stem(true, truth)
    missing = sorted(true.keys() - predicted.keys())
    spare = sorted(predicted.keys() - true.keys())
    if len(missing) == len(true) or (missing and not only_predicted):
        fix = "predict them, or leave them out with --only-predicted"
        if len(missing) == len(true):
            fix = f"{prediction} holds {_some(spare)}: names must be the same"
            others = {
                name[len(k) + 1 :] for k in missing for name in spare if name.startswith(f"{k}-")
            }
            fix += f", or give --method {min(others)}" if others else ""
        raise SceneError(
            f"{truth} has {_many(missing, 'scan')} without a prediction ({_some(missing)}); {fix}."
        )
    notes = []
    if missing:
        notes.append(f"{truth}: {_many(missing, 'scan')} without a prediction left out.")
    if spare:
        notes.append(
            f"{prediction}: {_many(spare, 'prediction')} without ground truth ({_some(spare)})."
        )
    names = sorted(true.keys() & predicted.keys())
    return [Pair(name=k, prediction=predicted[k], truth=true[k]) for k in names], notes


def _listed(folder: Path, *, is_truth: bool) -> dict[str, Path]:
    """Files by name; the subfolders belong to it, but for those that every scan has."""
    files = [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.startswith(".") and _rank(file, is_truth) is not None
    ]
    files = [file for file in files if file.suffix != ".txt" or file.parent == folder]
    labels = [file for file in files if file.suffix == ".label"]
    found: dict[str, Path] = {}
    for file in sorted(labels or files, key=lambda file: _rank(file, is_truth) or 0):
        folders = file.relative_to(folder).parts[:-1]
        name = "/".join([*(part for part in folders if part not in _ASIDE), _stem(file)])
        found.setdefault(name, file)
    return found


def _rank(file: Path, is_truth: bool) -> int | None:
    name = file.name.lower()
    for rank, known in enumerate(ENDINGS):
        if name.endswith(known):
            return rank
    return len(ENDINGS) if is_truth and ending(file) else None


def _by_stem(files: dict[str, Path], folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name, file in files.items():
        if (stem := name.rpartition("/")[2]) in found:
            raise SceneError(
                f"{folder} holds several files called {stem} and the subfolders of the two sides "
                "differ; give the folders that hold the files."
            )
        found[stem] = file
    return found


def _stem(file: Path) -> str:
    name = file.name
    known = next((known for known in ENDINGS if name.lower().endswith(known)), ending(file))
    return name[: -len(known)] if known else name


def _many(names: Sequence[str], noun: str) -> str:
    return f"{len(names)} {noun}" if len(names) == 1 else f"{len(names)} {noun}s"


def _some(names: Sequence[str]) -> str:
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

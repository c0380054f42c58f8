"""Encoder weights from and for other programs: public `.pth` in, `.pth` out, safetensors between.

A foreign `.pth` is a pickle. It is read with `torch.load(weights_only=True)` alone, which builds
tensors and plain containers and runs nothing; what needs more is refused. Converted weights are one
safetensors file with our names and a record of where they come from in its metadata.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from pointins_engine.backbone.encoder import Encoder
from pointins_engine.backbone.public_names import (
    EncoderSizes,
    describe,
    encoder_prefixes,
    export_public,
    import_public,
    infer_sizes,
    public_config,
    read_public_config,
)
from pointins_engine.config import BackboneConfig, from_dict, to_dict
from pointins_engine.errors import PointinsError, WeightsError
from pointins_engine.run_log.files import read_json, write_bytes
from pointins_engine.run_log.paths import RunPaths

Branch = Literal["auto", "student", "teacher", "plain"]
BRANCHES: tuple[Branch, ...] = ("auto", "student", "teacher", "plain")
METADATA_KEY = "pointins_encoder"  # JSON of `Origin` in the safetensors metadata
_WRAPPERS = ("state_dict", "module", "model", "backbone")  # words that say nothing in a list
_MAX_NESTING = 8  # of dictionaries in a foreign file


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where converted weights come from, and what encoder they are for."""

    source: str  # name of the foreign file
    sha256: str  # of the foreign file
    branch: str  # student, teacher or plain
    license: str
    in_channels: int
    backbone: dict[str, Any]  # fields of BackboneConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversion:
    """What `convert_pth` did."""

    sizes: EncoderSizes
    origin: Origin
    num_parameters: int
    left_out: dict[str, int]  # tensors that are not the encoder's, by part of the network


def convert_pth(
    source: Path, out: Path, *, branch: Branch = "auto", license: str = "unknown"
) -> Conversion:
    """Turn a public checkpoint into our safetensors.

    Args:
        source: `.pth` (or `.safetensors`) with public PTv3 m2 names under any prefix.
        out: Written whole or not at all.
        branch: Which encoder of the file; auto takes the only one, or the student of two.
        license: Terms of the weights; kept in the metadata.

    Raises:
        WeightsError: If the file needs more than tensors to be read, holds no encoder of ours or
            not the branch asked for.
    """
    if out.suffix != ".safetensors":
        raise WeightsError(f"--out {out}: converted weights are a .safetensors file; name it so.")
    if out.resolve() == source.resolve():
        raise WeightsError(f"--out {out} is the source itself; name another file.")
    tensors, theirs = _read_foreign(source)
    prefix, chosen = _choose_branch(tensors, branch, source)
    state, left_out = {}, {}
    for name, tensor in tensors.items():
        short = name.removeprefix(prefix)
        if name.startswith(prefix) and short.startswith(("embedding.", "enc.")):
            state[short] = tensor
        else:
            left_out[_group(name)] = left_out.get(_group(name), 0) + 1
    try:
        own, sizes = import_public(state, read_public_config(theirs))
    except WeightsError as error:
        raise WeightsError(f"{source}: {error}") from error
    origin = Origin(
        source=source.name,
        sha256=_sha256(source),
        branch=chosen,
        license=license,
        in_channels=sizes.in_channels,
        backbone=to_dict(sizes.backbone),
    )
    ready = {name: tensor.detach().float().contiguous() for name, tensor in own.items()}
    _write(out, save(ready, metadata={METADATA_KEY: json.dumps(asdict(origin))}))
    return Conversion(
        sizes=sizes,
        origin=origin,
        num_parameters=sum(tensor.numel() for tensor in ready.values()),
        left_out=left_out,
    )


def load_encoder(
    path: Path, *, branch: Branch = "auto", device: torch.device | str = "cpu"
) -> Encoder:
    """An encoder in evaluation mode from converted weights or from a checkpoint of a run.

    Args:
        path: File that `convert_pth` wrote, or a folder `runs/<id>/checkpoints/<step>`.
        branch: Network of a checkpoint; auto is the teacher, as it is the one that is inspected.
        device: Where the weights go.

    Raises:
        WeightsError: If the file is missing, damaged or holds another network.
    """
    state, sizes = _read_own(path, "teacher" if branch == "auto" else branch)
    with torch.device("meta"):
        encoder = Encoder(sizes.backbone, sizes.in_channels)
    try:
        encoder.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
    except RuntimeError as error:
        raise WeightsError(f"{path} does not hold what {describe(sizes)} has: {error}") from error
    return encoder.to(device).eval()


def write_public(path: Path, out: Path, *, branch: Branch = "auto") -> EncoderSizes:
    """Write an encoder of ours as a `.pth` that the public Sonata code loads.

    Args:
        path: As for `load_encoder`.
        out: `.pth`, written whole or not at all.
        branch: Network of a checkpoint; auto is the student, which others fine-tune.
    """
    if out.suffix != ".pth":
        raise WeightsError(f"--out {out}: public weights are a .pth file; name it so.")
    state, sizes = _read_own(path, "student" if branch == "auto" else branch)
    buffer = io.BytesIO()
    torch.save({"config": public_config(sizes), "state_dict": export_public(state)}, buffer)
    _write(out, buffer.getvalue())
    return sizes


def _read_foreign(source: Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """Tensors by dotted path, and the release's configuration where there is one."""
    if not source.is_file():
        raise WeightsError(f"{source} is not a file; name a .pth or .safetensors file.")
    try:
        if source.suffix == ".safetensors":
            return load_file(source), {}
        content = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged and hostile files raise anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"{source} cannot be read as plain weights ({reason}). A file that needs more than "
            "tensors, numbers, strings and lists could run code, so it is never loaded here. Ask "
            "for a file that holds the state dict alone; if you trust its author, you can make one "
            "where the file comes from: torch.save(checkpoint['state_dict'], 'plain.pth')."
        ) from error
    tensors = dict(_tensors_in(content, "", _MAX_NESTING))
    config = content.get("config") if isinstance(content, Mapping) else None
    return tensors, config if isinstance(config, Mapping) else {}


def _tensors_in(content: object, path: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    if isinstance(content, Tensor):
        yield path, content
    elif isinstance(content, Mapping) and depth > 0:
        for name, value in content.items():
            yield from _tensors_in(value, f"{path}.{name}" if path else str(name), depth - 1)


def _group(name: str) -> str:
    """The part of a network that a tensor belongs to: `seg_head`, `teacher.enc`, `optimizer`."""
    words = [word for word in name.split(".") if word not in _WRAPPERS]
    return ".".join(words[: 2 if words[:1] in (["student"], ["teacher"]) else 1])


def _choose_branch(
    tensors: Mapping[str, Tensor], branch: Branch, source: Path
) -> tuple[str, Literal["student", "teacher", "plain"]]:
    """The prefix of the encoder to convert, and its kind."""
    prefixes: dict[str, list[str]] = {"plain": [], "student": [], "teacher": []}
    for prefix in encoder_prefixes(tensors):
        words = prefix.split(".")
        kind = next((kind for kind in ("student", "teacher") if kind in words), "plain")
        prefixes[kind].append(prefix)
    there = {kind: found for kind, found in prefixes.items() if found}
    if not there:
        names = ", ".join(sorted(tensors)[:5]) or "no tensors at all"
        raise WeightsError(
            f"{source} holds no PTv3 encoder: expected names like embedding.stem.linear.weight and "
            f"enc.enc0.block0.attn.qkv.weight under any prefix, got {names}."
        )
    kinds = ("plain", "student", "teacher") if branch == "auto" else (branch,)
    for kind in kinds:
        if kind in there:
            break
    else:
        raise WeightsError(
            f"{source} has no {branch} encoder; it has {', '.join(there)}. Set --branch so."
        )
    if len(there[kind]) > 1:
        raise WeightsError(
            f"{source} holds several {kind} encoders, under {', '.join(map(repr, there[kind]))}. "
            "Save the one you want alone and convert that."
        )
    return there[kind][0], kind  # type: ignore[return-value]


def _read_own(path: Path, branch: Branch) -> tuple[dict[str, Tensor], EncoderSizes]:
    """State dict and size of an encoder of ours, from a converted file or a checkpoint folder."""
    if path.is_dir():
        return _read_checkpoint(path, branch)
    try:
        with safe_open(path, framework="pt") as file:
            record = (file.metadata() or {}).get(METADATA_KEY)
            if record is None:
                raise WeightsError(
                    f"{path} was not written by `pointins convert`: its metadata lacks "
                    f"{METADATA_KEY!r}. Convert it first, or name a checkpoint folder of a run."
                )
            state = {name: file.get_tensor(name) for name in file.keys()}
        origin = json.loads(record)
        backbone = from_dict(origin["backbone"], BackboneConfig)
        return state, EncoderSizes(backbone=backbone, in_channels=int(origin["in_channels"]))
    except WeightsError:
        raise
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, PointinsError) as error:
        raise WeightsError(
            f"{path} cannot be read as converted weights ({error}). Name a file that "
            "`pointins convert` wrote, or a folder runs/<id>/checkpoints/<step>."
        ) from error


def _read_checkpoint(folder: Path, branch: Branch) -> tuple[dict[str, Tensor], EncoderSizes]:
    file = folder / f"{branch}.safetensors"
    try:
        state = load_file(file)
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"{file} cannot be read ({error}). Name a folder runs/<id>/checkpoints/<step> and the "
            "branch student or teacher."
        ) from error
    encoder = {
        name.removeprefix("encoder."): value
        for name, value in state.items()
        if name.startswith("encoder.")
    }
    # runs/<id>/checkpoints/<step>: what no shape tells stands in the run's own configuration.
    run = RunPaths(folder.resolve().parent.parent).run
    if not run.exists():
        return encoder, infer_sizes(encoder)
    backbone = from_dict(read_json(run).get("config", {}).get("backbone", {}), BackboneConfig)
    in_channels = infer_sizes(encoder, {"heads": backbone.heads}).in_channels
    return encoder, EncoderSizes(backbone=backbone, in_channels=in_channels)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(out: Path, data: bytes) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(f"the folder {out.parent} cannot be made ({error.strerror}).") from error
    write_bytes(out, data)

"""Names of encoder weights: ours, and those of the public PTv3 (m2) and Sonata releases.

Only names differ: layouts are the same, sparse kernels (C_out, 3, 3, 3, C_in) included. What a file
of weights says of its encoder's size is read off the shapes. No files here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pointins_engine.backbone.encoder import Encoder
from pointins_engine.backbone.serialization import CURVES
from pointins_engine.config import BackboneConfig
from pointins_engine.errors import ConfigError, WeightsError

HEAD_CHANNELS = 16  # of every published PTv3 size, and of ours

# Ours to theirs; `.weight` and `.bias` follow.
_STEM = {"stem.linear": "embedding.stem.linear", "stem.norm": "embedding.stem.norm"}
_POOL = {"pool.proj": "down.proj", "pool.norm": "down.norm.0"}
_BLOCK = {
    "position.conv": "cpe.0",
    "position.linear": "cpe.1",
    "position.norm": "cpe.2",
    "attention_norm": "norm1.0",
    "attention.qkv": "attn.qkv",
    "attention.proj": "attn.proj",
    "mlp_norm": "norm2.0",
    "mlp.fc1": "mlp.0.fc1",
    "mlp.fc2": "mlp.0.fc2",
}
_ORDERS = tuple(curve.replace("_", "-") for curve in CURVES)  # their names of the curves
_OUR_STAGE = re.compile(r"stages\.(\d{1,3})\.(?:blocks\.(\d{1,3})\.)?(.+)\.(weight|bias)")
_THEIR_STAGE = re.compile(r"enc\.enc(\d{1,3})\.(?:block(\d{1,3})\.)?(.+)\.(weight|bias)")
_THEIR_ROOT = re.compile(r"(?:^|\.)(?:embedding\.(?:stem|mask_token)|enc\.enc\d+\.)")


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderSizes:
    """What it takes to build an encoder."""

    backbone: BackboneConfig
    in_channels: int


def public_name(name: str) -> str | None:
    """The public name of one of our encoder's weights; None if it is none of them."""
    if name == "mask_token":
        return "embedding.mask_token"
    if found := _OUR_STAGE.fullmatch(name):
        stage, block, part, kind = found.groups()
        if block is None:
            return f"enc.enc{stage}.{_POOL[part]}.{kind}" if part in _POOL else None
        return f"enc.enc{stage}.block{block}.{_BLOCK[part]}.{kind}" if part in _BLOCK else None
    module, _, kind = name.rpartition(".")
    return f"{_STEM[module]}.{kind}" if module in _STEM and kind in ("weight", "bias") else None


def own_name(name: str) -> str | None:
    """Our name of a public encoder weight; None if our encoder has none like it."""
    if name == "embedding.mask_token":
        return "mask_token"
    if found := _THEIR_STAGE.fullmatch(name):
        stage, block, part, kind = found.groups()
        table = {theirs: ours for ours, theirs in (_POOL if block is None else _BLOCK).items()}
        if part not in table:
            return None
        middle = "" if block is None else f"blocks.{block}."
        return f"stages.{stage}.{middle}{table[part]}.{kind}"
    module, _, kind = name.rpartition(".")
    table = {theirs: ours for ours, theirs in _STEM.items()}
    return f"{table[module]}.{kind}" if module in table and kind in ("weight", "bias") else None


def encoder_prefixes(names: Iterable[str]) -> list[str]:
    """What stands before the encoder's names, for each encoder that public names speak of."""
    found = {name[: root.start()] for name in names if (root := _THEIR_ROOT.search(name))}
    return sorted(f"{prefix}." if prefix else "" for prefix in found)


def import_public(
    state: Mapping[str, Tensor], known: Mapping[str, Any] | None = None
) -> tuple[dict[str, Tensor], EncoderSizes]:
    """Public encoder weights as a state dict of `Encoder`, checked name by name, shape by shape.

    Args:
        state: Weights with public names, prefix removed.
        known: `heads` and `patch_size`, which no shape tells; see `infer_sizes`.

    Raises:
        WeightsError: If names are missing or unknown or shapes differ; lists them all, and the
            size of encoder that the shapes speak of.
    """
    ours: dict[str, Tensor] = {}
    unknown: list[str] = []
    for name, tensor in state.items():
        own = own_name(name)
        if own is None:
            unknown.append(name)
        else:
            ours[own] = tensor
    sizes = infer_sizes(ours, known)
    expected = expected_shapes(sizes)
    problems = [f"unknown:  {name}{_hint(name)}" for name in sorted(unknown)]
    problems += [
        f"unknown:  {public_name(name)}, which this size does not have"
        for name in sorted(ours.keys() - expected.keys())
    ]
    problems += [f"missing:  {public_name(name)}" for name in sorted(expected.keys() - ours.keys())]
    problems += [
        f"shape:    {public_name(name)} is {tuple(ours[name].shape)}, expected {shape}"
        for name, shape in expected.items()
        if name in ours and tuple(ours[name].shape) != shape
    ]
    if problems:
        raise WeightsError(
            f"{len(problems)} of the weights do not fit. From its shapes the file looks like "
            f"{describe(sizes)}; what is wrong for that size:\n  " + "\n  ".join(problems) + "\n"
            "Convert the file that the release names as its PTv3 m2 (Sonata) encoder, whole."
        )
    return {name: ours[name] for name in expected}, sizes


def export_public(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of an `Encoder` under the public names."""
    renamed = {name: public_name(name) for name in state}
    foreign = [name for name, public in renamed.items() if public is None]
    if foreign:
        raise WeightsError(
            f"{', '.join(foreign)}: no weight of our encoder has such a name; expected the state "
            "dict of an Encoder, without heads and prefix."
        )
    return {str(public): state[name] for name, public in renamed.items()}


def infer_sizes(
    state: Mapping[str, Tensor], known: Mapping[str, Any] | None = None
) -> EncoderSizes:
    """The size of encoder that a state dict with our names belongs to.

    Args:
        state: Weights; a few may be missing.
        known: Fields of `BackboneConfig` that shapes do not tell. Without `heads` a head has 16
            channels, as in every published size; without `patch_size` a patch has 1024 points.

    Raises:
        WeightsError: If the shapes speak of no encoder at all.
    """
    stem = state.get("stem.linear.weight")
    blocks: dict[int, set[str]] = {}
    widths: dict[int, int] = {}
    for name, tensor in state.items():
        found = _OUR_STAGE.fullmatch(name)
        if found is None or found[2] is None:
            continue
        stage = int(found[1])
        blocks.setdefault(stage, set()).add(found[2])
        if found[3] == "attention_norm" and tensor.ndim == 1:
            widths.setdefault(stage, len(tensor))
    stages = range(len(blocks))
    if stem is None or stem.ndim != 2 or not (set(blocks) == set(stages) == set(widths) != set()):
        raise WeightsError(
            "these weights speak of no whole encoder: expected the stem's linear weight and blocks "
            f"in stages 0, 1, ...; got {len(state)} known names, stages {sorted(blocks)}."
        )
    channels = tuple(widths[stage] for stage in stages)
    fields = {"heads": tuple(-(-width // HEAD_CHANNELS) for width in channels), **(known or {})}
    try:
        backbone = BackboneConfig(
            depths=tuple(len(blocks[stage]) for stage in stages),
            channels=channels,
            mask_token="mask_token" in state,
            loss_stage=min(2, len(blocks) - 1),
            **fields,
        )
    except ConfigError as error:
        raise WeightsError(f"the weights' sizes are not those of an encoder: {error}") from error
    return EncoderSizes(backbone=backbone, in_channels=stem.shape[1])


def expected_shapes(sizes: EncoderSizes) -> dict[str, tuple[int, ...]]:
    """Shape of every weight of an encoder, by our names; allocates nothing."""
    with torch.device("meta"):
        encoder = Encoder(sizes.backbone, sizes.in_channels)
    return {name: tuple(tensor.shape) for name, tensor in encoder.state_dict().items()}


def describe(sizes: EncoderSizes) -> str:
    """A size in words that a configuration can be written from."""
    backbone = sizes.backbone
    return (
        f"in_channels={sizes.in_channels} with BackboneConfig(depths={backbone.depths}, "
        f"channels={backbone.channels}, heads={backbone.heads}, "
        f"patch_size={backbone.patch_size}, mask_token={backbone.mask_token})"
    )


def read_public_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a release's configuration tells of heads and patches; refuses what we compute otherwise.

    Raises:
        WeightsError: If the release wants an encoder whose weights would fit ours and whose
            features would differ.
    """
    required = {"order": _ORDERS, "pre_norm": True, "mlp_ratio": 4, "enable_rpe": False}
    for name, ours in required.items():
        theirs = config.get(name, ours)
        theirs = tuple(theirs) if isinstance(theirs, (list, tuple)) else theirs
        if theirs != ours:
            raise WeightsError(f"config.{name} is {theirs!r}; our encoder computes {ours!r}.")
    if any(stride != 2 for stride in _int_list(config, "stride") or ()):
        raise WeightsError(f"config.stride is {config['stride']!r}; our stages halve: all 2.")
    told: dict[str, Any] = {}
    if heads := _int_list(config, "enc_num_head"):
        told["heads"] = heads
    if sizes := _int_list(config, "enc_patch_size"):
        if len(set(sizes)) > 1:
            raise WeightsError(f"config.enc_patch_size is {sizes}; ours is one for all stages.")
        told["patch_size"] = sizes[0]
    return told


def _int_list(config: Mapping[str, Any], name: str) -> tuple[int, ...] | None:
    value = config.get(name)
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, int) for v in value):
        raise WeightsError(f"config.{name} is {value!r}; expected whole numbers, one a stage.")
    return tuple(value)


def public_config(sizes: EncoderSizes) -> dict[str, Any]:
    """Arguments of the public PTv3 m2 class for an encoder of ours."""
    backbone = sizes.backbone
    stages = len(backbone.depths)
    return {
        "in_channels": sizes.in_channels,
        "order": _ORDERS,
        "stride": (2,) * (stages - 1),
        "enc_depths": backbone.depths,
        "enc_channels": backbone.channels,
        "enc_num_head": backbone.heads,
        "enc_patch_size": (backbone.patch_size,) * stages,
        "drop_path": backbone.drop_path,
        "shuffle_orders": backbone.shuffle_orders,
        "mask_token": backbone.mask_token,
        "enc_mode": True,
    }


def _hint(name: str) -> str:
    """Why a name that other variants of PTv3 have is unknown here."""
    if ".stem.conv" in name:
        return " (the convolutional stem of the original PTv3, m1; its norms differ too)"
    if ".ls1." in name or ".ls2." in name:
        return " (layer scale, which our encoder does not have)"
    if ".rpe." in name:
        return " (relative position tables, which our encoder does not have)"
    return ""

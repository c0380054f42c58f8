"""Nearest neighbours tell the class: a probe of frozen features without training."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

NUM_NEIGHBOURS = 20
TEMPERATURE = 0.07
QUERIES_AT_ONCE = 2048  # against 40,000 of the bank: 330 MB


@torch.no_grad()
def nearest_classes(
    bank_feat: Float[Tensor, "n c"],
    bank_label: Int[Tensor, " n"],
    feat: Float[Tensor, "q c"],
    *,
    num_neighbours: int = NUM_NEIGHBOURS,
    temperature: float = TEMPERATURE,
) -> Int[Tensor, " q"]:
    """Class of each query by a weighted vote of its nearest neighbours in the bank.

    Args:
        bank_feat: Features whose class is known.
        bank_label: Their classes, >= 0.
        feat: Features asked for.
        num_neighbours: Neighbours by cosine that vote; the whole bank if it is smaller.
        temperature: A neighbour votes with exp(cosine / temperature).

    Source:
        DINO's k-NN probe (k 20, temperature 0.07).
    """
    num_classes = int(bank_label.max()) + 1
    bank = F.normalize(bank_feat.float(), dim=1)
    found = []
    for part in F.normalize(feat.float(), dim=1).split(QUERIES_AT_ONCE):
        cosine, row = (part @ bank.T).topk(min(num_neighbours, len(bank)), dim=1)
        votes = part.new_zeros(len(part), num_classes)
        votes.scatter_add_(1, bank_label[row], (cosine / temperature).exp())
        found.append(votes.argmax(1))
    return torch.cat([bank_label.new_zeros(0), *found])


def neighbour_accuracy(
    bank_feat: Float[Tensor, "n c"],
    bank_label: Int[Tensor, " n"],
    feat: Float[Tensor, "q c"],
    label: Int[Tensor, " q"],
    *,
    num_neighbours: int = NUM_NEIGHBOURS,
    temperature: float = TEMPERATURE,
) -> float:
    """Share of the labelled queries whose class `nearest_classes` finds.

    Rows labelled -1 take no part, in the bank or among the queries; NaN if nothing is left.
    """
    known, asked = bank_label >= 0, label >= 0
    if not bool(known.any()) or not bool(asked.any()):
        return float("nan")
    found = nearest_classes(
        bank_feat[known],
        bank_label[known],
        feat[asked],
        num_neighbours=num_neighbours,
        temperature=temperature,
    )
    return float((found == label[asked]).float().mean())

"""Which of many groups, lying in and across each other, are the instances. G groups."""

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array

INSIDE = 0.9  # a group with this share of its points in a larger one is a piece of it
APART = 0.1  # groups that share more of the smaller one than this cannot both be instances


def best_apart(shared: csr_array, score: Float[np.ndarray, " g"]) -> list[int]:
    """Groups that lie apart from each other, with a high sum of scores.

    From the smallest group up: a group gives way to its pieces if these, chosen in the same way,
    have the higher sum. Among groups that lie across each other the better one is taken first.
    With groups that only ever lie in each other the sum is the highest there is.

    Args:
        shared: Points that each two groups share; its diagonal holds their sizes.
        score: Of each group, >= 0.
    """
    size = shared.diagonal()
    pairs = shared.tocoo()
    smaller = np.minimum(size[pairs.row], size[pairs.col])
    is_piece = (pairs.data >= INSIDE * size[pairs.col]) & (size[pairs.col] < size[pairs.row])
    pieces = _lists(pairs.row[is_piece], pairs.col[is_piece], len(size))
    clashes = pairs.data > APART * smaller
    clashing = _lists(pairs.row[clashes], pairs.col[clashes], len(size))
    value = np.array(score, np.float64)
    chosen: dict[int, list[int]] = {}
    for group in np.argsort(size, kind="stable"):
        inner = _take(pieces[group], value, clashing)
        if inner and value[inner].sum() > value[group]:
            value[group] = value[inner].sum()
            chosen[int(group)] = inner
    kept = []
    waiting = _take(np.arange(len(size)), value, clashing)
    while waiting:
        group = waiting.pop()
        if group in chosen:
            waiting += chosen[group]
        else:
            kept.append(group)
    return kept


def _take(
    groups: Int[np.ndarray, " k"],
    value: Float[np.ndarray, " g"],
    clashing: list[Int[np.ndarray, " _"]],
) -> list[int]:
    """The groups in the order of their value, each if it clashes with none before it."""
    blocked: set[int] = set()
    taken = []
    for group in groups[np.argsort(-value[groups], kind="stable")].tolist():
        if group not in blocked:
            taken.append(group)
            blocked.update(clashing[group].tolist())
    return taken


def _lists(
    row: Int[np.ndarray, " p"], column: Int[np.ndarray, " p"], count: int
) -> list[Int[np.ndarray, " _"]]:
    """The columns of each row."""
    order = np.argsort(row, kind="stable")
    ends = np.searchsorted(row[order], np.arange(count + 1))
    return [column[order[ends[number] : ends[number + 1]]] for number in range(count)]

"""Which frames stay: the newest ones, and of the older ones a thinning ladder."""

from collections.abc import Sequence


def superseded(steps: Sequence[int], keep: int) -> list[int]:
    """Steps whose frames may go, given the rising steps that are there.

    The newest `keep` stay. Older frames stand in blocks that are twice, four times, ... as far
    back; the k-th block keeps steps at least 2**k times the usual spacing apart. The first frame
    always stays. The rule looks at steps only, so the same run keeps the same frames.
    """
    if len(steps) <= keep:
        return []
    newest = steps[-1]
    spacing = max((newest - steps[-keep]) // max(keep - 1, 1), 1)
    horizon = newest - steps[-keep]
    dropped: list[int] = []
    last_kept: int | None = None
    for step in steps[: len(steps) - keep]:
        level = 0
        while newest - step > horizon * 2**level:
            level += 1
        if last_kept is not None and step // (spacing * 2**level) == last_kept // (
            spacing * 2**level
        ):
            dropped.append(step)
        else:
            last_kept = step
    return dropped

"""How large a scan must appear to a network that knows rooms and streets. No torch."""

import numpy as np
from jaxtyping import Float32

from pointins_engine.segment.settings import Domain

# Metres. The largest of a scan's three extents, without its outer 2 % at each end.
_SMALLEST_ROOM = 2.0  # a scan of less shows a table, a shelf or a single thing
_ROOM = 5.0  # what such a scan is enlarged to
_LARGEST = 40.0  # times
_TAIL = 0.02


def automatic_scale(coord: Float32[np.ndarray, "n 3"], domain: Domain) -> float:
    """Model metres for a metre of the scan: 1 for rooms and streets, more for a table top.

    A network sees voxels of a few centimetres, in which a cup is one or two cells. What is on a
    table of 1 m stands to it as furniture stands to a room of 5 m, so a scan that is too small for
    a room is enlarged to one. Offsets are divided by the same number.

    Args:
        coord: Positions in metres.
        domain: Where the scan was made; outdoors nothing is enlarged.
    """
    low, high = np.quantile(coord, [_TAIL, 1 - _TAIL], axis=0)
    extent = float((high - low).max())
    if domain == "outdoor" or extent >= _SMALLEST_ROOM:
        return 1.0
    return round(min(_ROOM / max(extent, 1e-9), _LARGEST), 3)

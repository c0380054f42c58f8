"""Writes one layer of a segmentation as a file for other programs, in a process of its own.

python -m app.segmenting.export FOLDER LAYER FORMAT OUT_FOLDER NAME
"""

import sys
from pathlib import Path

from pointins_engine.errors import PointinsError
from pointins_engine.segment.files import write_segmentation
from pointins_engine.segment.layers import SegmentationFolder, read_layer


def main(arguments: list[str]) -> int:
    folder, layer, kind, out, name = arguments
    try:
        segmentation = read_layer(SegmentationFolder(Path(folder)), layer)
        write_segmentation(Path(out), name, segmentation, [kind])
    except PointinsError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

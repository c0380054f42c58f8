"""Point Transformer V3 encoder in plain torch: voxels in, cells of the loss stage out.

Must not know of heads, losses or views. N points or voxels, M cells, B clouds, C channels,
K patch size, S curves.
"""

"""Small networks on top of the encoder: offsets to centroids and prototype similarities.

Must not know of the encoder or of the losses. M cells, C channels, K prototypes.
"""

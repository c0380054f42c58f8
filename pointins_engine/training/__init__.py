"""What `trainer.py` stands on: views made ahead, ranks, parts of a batch, checkpoints, the log.

Must not know of losses' insides or of the studio.
"""

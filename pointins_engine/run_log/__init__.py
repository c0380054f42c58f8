"""The run folder: the only truth and the only interface between engine and studio. No torch here.

`records` declares every key, `writer` is used by the trainer, `store` by everybody who reads.
"""

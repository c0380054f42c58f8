"""The index of a collection of scenes: made by a job, kept in a cache, read by the studio.

`cache` is what others read (NumPy only); the job reads every scene once, describes it, measures its
offsets and thins it for drawing. No torch.
"""

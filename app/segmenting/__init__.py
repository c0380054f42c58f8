"""Segmentations in the studio: scans that are dropped or picked, the jobs that segment them."""

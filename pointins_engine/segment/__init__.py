"""Instances of a scan, found without labels: from a network's votes to files."""

from pointins_engine.segment.automatic import automatic_read_out, spacing
from pointins_engine.segment.read_out import Instances, ReadOut, instances_from_votes

__all__ = ["Instances", "ReadOut", "automatic_read_out", "instances_from_votes", "spacing"]

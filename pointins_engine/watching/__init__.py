"""What a run says of itself: frames of inspected scenes, health, alarms, the online probe.

Reads the teacher and the labels of probed scenes; never changes what is learned.
"""

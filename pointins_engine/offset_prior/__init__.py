"""Where ODR's prior comes from: measured, written to a file, compared and shown. No torch here.

The studio and the command line share these modules; `objectives.priors` turns a record into the
distribution that a run uses. Lengths are metres.
"""

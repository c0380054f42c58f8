"""What a run has learned, measured against labels that it never saw: instances, semantics."""

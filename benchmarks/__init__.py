"""Figures, not tests: what a step costs, what watching costs, how soon a frame is seen."""

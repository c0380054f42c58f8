"""The pages of scenes that no run has seen: their jobs, rows and routes."""

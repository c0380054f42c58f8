"""Rooms as a hand-held depth camera sees them."""

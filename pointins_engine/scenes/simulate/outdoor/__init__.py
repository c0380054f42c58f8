"""Streets as a spinning LiDAR sees them."""

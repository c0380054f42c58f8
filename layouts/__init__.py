"""Pages as pure functions from plain data to Dash components. Nothing here reads or decides."""

"""Charts: pure functions from numbers to Plotly figures as plain dictionaries."""

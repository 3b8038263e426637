"""A lake that grows by increments, side by side: `python -m bench.compact`."""

"""The listing of 20,000 recordings, side by side: `python -m bench.poll`."""

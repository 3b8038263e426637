"""The torture test: writers and readers of one lake, all at once, over HTTP: `python -m tests.torture`."""

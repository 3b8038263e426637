"""Trino, the engine that Athena is made of, over the local stack: `python -m tests.trino` (`make trino`)."""

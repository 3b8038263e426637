"""One module for each contender; each is run by ``bench.compact.task`` in a process of its own."""

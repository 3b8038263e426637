"""One module for each client; ``bench.compact.worker`` runs it in a process."""

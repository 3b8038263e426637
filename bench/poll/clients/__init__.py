"""The clients that are compared, each a program: ``python -m bench.poll.clients.NAME JOB_FILE ANSWER_FILE``."""

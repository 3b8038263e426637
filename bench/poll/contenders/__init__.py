"""What is compared. Each is a program of its own (`python -m bench.poll.contenders.NAME TASK_FILE`), for the peers run
in an environment without Call Lake."""

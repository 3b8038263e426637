"""What runs as the local stack's speech engine, in the environment of the example: it ends when the stack's command
does, and lets the rest of the machine go first."""

import os

from call_lake_local.processes import exit_with_parent

if __name__ == "__main__":
    exit_with_parent()
    os.nice(10)
    from whisper_worker import main

    main()

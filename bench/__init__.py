"""Call Lake beside what one would use instead, in one run on this machine (bench/README.md)."""

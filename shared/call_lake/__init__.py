"""Call Lake's domain: find recordings, copy them, describe them in a lake (docs/architecture.md)."""

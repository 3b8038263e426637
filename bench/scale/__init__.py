"""What grows while Call Lake keeps ten years of calls."""

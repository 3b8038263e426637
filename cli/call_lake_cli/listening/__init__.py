"""``call-lake listen``: a page on this machine that lists calls, plays them, and tells their stories (ADR 0037)."""

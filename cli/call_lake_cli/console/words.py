"""Numbers as people say them."""


def counted(number: int, one: str, more: str | None = None) -> str:
    """``1 row``, ``1,234 rows``."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def duration(seconds: float | None) -> str | None:
    """``57 s``, ``4 min 10 s``, ``2 h 5 min``; None for None."""
    if seconds is None:
        return None
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"

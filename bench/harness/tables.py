"""Tables in Markdown, and pages that keep them between the marks ``<!-- >>> name -->`` and ``<!-- <<< name -->``."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from statistics import median


def table(head: Sequence[str], rows: Iterable[Sequence[str]], text: Collection[int] = (0,)) -> str:
    """``text``: the columns that are set left; figures are set right."""
    rule = ["---" if column in text else "---:" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *rows])


def ratio[T](samples: Sequence[T], base: Sequence[T], of: Callable[[T], float]) -> float:
    """The median of the ratios that were taken within each round."""
    return median(of(one) / of(least) for one, least in zip(samples, base, strict=True))


def fill(page: str, made: Mapping[str, str]) -> str:
    """The page with each named text between its marks. Raises ValueError if the page has no such marks."""
    for name, text in made.items():
        pattern = rf"(<!-- >>> {name} -->\n).*?(<!-- <<< {name} -->)"
        filled = partial(lambda text, at: f"{at[1]}{text}\n{at[2]}", text)
        page, found = re.subn(pattern, filled, page, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"the page needs one pair of the marks {name!r}, and has {found}")
    return page

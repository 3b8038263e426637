"""The prices and the assumptions, as docs/prices.json has them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Self

FILE = Path(__file__).resolve().parents[2] / "docs" / "prices.json"


@dataclass(frozen=True, slots=True)
class Price:
    """``source``: the vendor's page. ``read_at``: where the figure itself was read, on ``seen`` or before; empty where
    that was on no page, since AWS's own fetch their figures by script."""

    usd: float
    per: str
    seen: date
    source: str
    read_at: str


@dataclass(frozen=True, slots=True)
class Assumption:
    value: float
    unit: str
    why: str


@dataclass(frozen=True, slots=True)
class Prices:
    region: str
    prices: Mapping[str, Price]
    assumptions: Mapping[str, Assumption]

    @classmethod
    def load(cls, file: Path = FILE) -> Self:
        """Raises ValueError, KeyError or TypeError for a file of another shape."""
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        prices = {
            name: Price(**given | {"seen": date.fromisoformat(given["seen"])}) for name, given in data["prices"].items()
        }
        assumptions = {name: Assumption(**given) for name, given in data["assumptions"].items()}
        return cls(data["region"], prices, assumptions)

    def usd(self, name: str, amount: float) -> float:
        return self.prices[name].usd * amount

    def assumed(self, name: str) -> float:
        return self.assumptions[name].value

    def with_twice(self, name: str) -> Self:
        """An assumption doubled; a rate, whose unit has a slash, halved: that is what costs."""
        given = self.assumptions[name]
        changed = replace(given, value=given.value / 2 if "/" in given.unit else given.value * 2)
        return replace(self, assumptions={**self.assumptions, name: changed})

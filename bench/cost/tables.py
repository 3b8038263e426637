"""The tables of docs/cost.md."""

from collections.abc import Mapping
from pathlib import Path

from bench.cost.bill import VOLUMES, added, fixed, idle, marginal, stored, total
from bench.cost.others import others
from bench.cost.prices import Prices
from bench.cost.runs import Counted
from bench.cost.sound import sound_usd
from bench.cost.words import words_usd
from bench.harness.tables import table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cost.md"


def tables(counted: Counted, prices: Prices) -> dict[str, str]:
    """Markdown by the name of its mark."""
    return {
        "month": _month(counted, prices),
        "marginal": _marginal(counted, prices),
        "fixed": _with_total(fixed(counted, prices), "USD a month"),
        "words": _with_total(words_usd(counted.words, prices), "USD for a million recordings"),
        "sound": _with_total(sound_usd(counted.sound, prices), "USD for a million recordings"),
        "stored": _with_total(stored(counted, prices), "USD a month"),
        "counted": _counted(counted, prices),
        "others": _others(counted, prices),
        "doubled": _doubled(counted, prices),
        "assumptions": _assumptions(prices),
        "prices": _prices(prices),
    }


def _month(counted: Counted, prices: Prices) -> str:
    base_usd = total(fixed(counted, prices))
    kept_usd = total(stored(counted, prices))
    rows = []
    for volume in VOLUMES:
        millions = volume.recordings(counted) / 1e6
        moved_usd = total(marginal(counted, prices, volume)) * millions
        month_usd = base_usd + moved_usd
        rows.append(
            [
                volume.name,
                f"{volume.recordings(counted):,}",
                f"{base_usd:,.2f}",
                f"{moved_usd:,.2f}",
                f"**{month_usd:,.2f}**",
                f"{month_usd / millions:,.2f}",
                f"{kept_usd * millions:,.2f}",
            ]
        )
    head = ["volume", "recordings", "fixed", "marginal", "together", "for a million", "storage, each month kept"]
    return table(head, rows)


def _marginal(counted: Counted, prices: Prices) -> str:
    columns = [marginal(counted, prices, volume) for volume in VOLUMES]
    rows = [[name, *(f"{lines[name]:,.2f}" for lines in columns)] for name in columns[-1]]
    rows.append(["**together**", *(f"**{total(lines):,.2f}**" for lines in columns)])
    return table(["USD for a million recordings", *(volume.name for volume in VOLUMES)], rows)


def _counted(counted: Counted, prices: Prices) -> str:
    columns = [added(counted, prices, volume).counts for volume in VOLUMES]
    recordings = [volume.recordings(counted) for volume in VOLUMES]
    nothing = idle(counted, prices).counts
    rows = []
    for unit in sorted({unit for counts in [*columns, nothing] for unit in counts}):
        each = (f"{counts.get(unit, 0) / number:,.2f}" for counts, number in zip(columns, recordings, strict=True))
        rows.append([unit.replace("_", " "), *each, f"{nothing.get(unit, 0):,.0f}"])
    return table(["", *(f"each, at {volume.name}" for volume in VOLUMES), "a month without calls"], rows)


def _others(counted: Counted, prices: Prices) -> str:
    rows = [
        [other.name, f"{other.each_usd:,.2f}", f"{other.month_usd:,.2f}", other.undone]
        for other in others(counted, prices)
    ]
    return table(["", "USD for a million", "USD a month", "leaves undone"], rows, text=(0, 3))


def _doubled(counted: Counted, prices: Prices) -> str:
    def figures(assumed: Prices) -> list[float]:
        moved = [total(marginal(counted, assumed, volume)) for volume in VOLUMES[1:]]
        return [*moved, total(fixed(counted, assumed))]

    base = figures(prices)
    rows = [["as assumed", *(f"{figure:,.2f}" for figure in base)]]
    for name in prices.assumptions:
        doubled = figures(prices.with_twice(name))
        moves = [after - before for before, after in zip(base, doubled, strict=True)]
        rows.append([f"`{name}`", *(f"{move:+,.2f}" if abs(move) >= 0.005 else "" for move in moves)])
    head = [
        "twice, or half the rate",
        *(f"USD for a million at {volume.name}" for volume in VOLUMES[1:]),
        "USD a month, fixed",
    ]
    return table(head, rows)


def _assumptions(prices: Prices) -> str:
    rows = [[f"`{name}`", f"{given.value:g} {given.unit}", given.why] for name, given in prices.assumptions.items()]
    return table(["assumption", "value", "what it is"], rows, text=range(3))


def _prices(prices: Prices) -> str:
    rows = [
        [
            f"`{name}`",
            f"{price.usd:.10f}".rstrip("0").rstrip("."),
            price.per,
            price.seen.isoformat(),
            f"[vendor]({price.source})" + (f", [read here]({price.read_at})" if price.read_at else ", not read"),
        ]
        for name, price in prices.prices.items()
    ]
    return table(["price", "USD", "for a", "seen", "source"], rows, text=range(5))


def _with_total(lines: Mapping[str, float], head: str) -> str:
    rows = [[name, f"{usd:,.2f}"] for name, usd in lines.items()]
    return table(["", head], [*rows, ["**together**", f"**{total(lines):,.2f}**"]])

"""``call-lake sound``: have the sound measured of what was stored before AnalyzeSound was switched on."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import typer

from call_lake.operations.send_stored import send_stored
from call_lake.operations.unmeasured import unmeasured
from call_lake.wiring.operator import sound_queue
from call_lake_cli.console import questions
from call_lake_cli.console.errors import UserError, err, explained
from call_lake_cli.console.options import AsJson, SourceName, StackName, parse_days
from call_lake_cli.console.output import Format, print_json, print_rows
from call_lake_cli.stack.handle import find_stack, select_sources
from call_lake_cli.stack.prices import sound_usd

NOT_BEGUN = "nothing was sent"


def sound(
    from_: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD, in the source's time zone.")],
    to: Annotated[str, typer.Option("--to", help="Last day, included.")],
    source: SourceName = None,
    yes: Annotated[bool, typer.Option("--yes", help="Begin without asking.")] = False,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Measure the sound of recordings that have no row in the table sound: estimate it, ask, and send them.

    They were stored before the parameter AnalyzeSound was true. The sound analyzer measures them within the next
    minutes, a thousand hours of audio in about an hour. What is sent twice is measured twice, and changes nothing.

    Examples:
      call-lake sound --from 2026-01-01 --to 2026-06-30
      call-lake sound --from 2026-10-20 --to 2026-10-20 --source thulium --yes
    """
    with explained():
        days = parse_days(from_, to)
        here = find_stack(stack)
        if not here.sound_url:
            raise UserError(
                f"{here.name} measures no sound, so nothing was sent: switch it on with "
                f"call-lake deploy --stack {here.name} --set AnalyzeSound=true"
            )
        wanted = unmeasured(here.store, days.first, days.last, select_sources(here, source))
        guess = estimate(wanted)
        err.print(
            f"recordings without a row: {guess['recordings']:,}, {guess['hours']:,.1f} hours of audio; "
            f"cost: about {guess['usd']:,.2f} USD"
        )
        if wanted and not yes:
            questions.agree("Measure them?", NOT_BEGUN)
        sent = send_stored(here.table, sound_queue(here), list(wanted)) if wanted else 0
        print_result(days.first, days.last, sent, guess, as_json=json_)


def estimate(wanted: Mapping[str, float | None]) -> dict[str, Any]:
    """What is to be measured, and its price. A recording of unknown length counts as none."""
    hours = sum(seconds or 0 for seconds in wanted.values()) / 3600
    usd = round(sound_usd(len(wanted), hours), 4)
    return {"recordings": len(wanted), "hours": round(hours, 2), "usd": usd}


def print_result(first: date, last: date, sent: int, guess: dict[str, Any], *, as_json: bool) -> None:
    result = {"from": first.isoformat(), "to": last.isoformat(), "sent": sent, "hours": guess["hours"]}
    if as_json:
        print_json(result | {"estimate_usd": guess["usd"]})
        return
    ends = "No recording of these days waits to be measured, so nothing was sent."
    if sent:
        ends = "Their rows are in the table sound within minutes: call-lake logs sound-analyzer."
    print_rows(tuple(result), [tuple(result.values())], Format.TABLE, ends=ends)

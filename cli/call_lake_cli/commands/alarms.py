"""``call-lake alarms``: which of the stack's alarms fire, since when, and what each means."""

from typing import Any

from call_lake.model.times import iso
from call_lake_cli.console.errors import explained
from call_lake_cli.console.options import AsJson, StackName
from call_lake_cli.console.output import Format, print_json, print_rows
from call_lake_cli.console.words import counted
from call_lake_cli.doctor.alarms import alarms_in
from call_lake_cli.stack.handle import find_stack, zone_of

STATES = {"ALARM": "fires", "OK": "quiet", "INSUFFICIENT_DATA": "no data"}
"""CloudWatch's words for the states of an alarm, and ours, in the order of the list:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html"""
LOCAL = "CloudWatch does not run on this machine, so no alarm fires here."


def alarms(json_: AsJson = False, stack: StackName = None) -> None:
    """List the stack's alarms, those that fire first: state, since when, what it means, where the runbook says more.

    Examples:
      call-lake alarms
      call-lake alarms --json --stack call-lake
    """
    with explained():
        here = find_stack(stack)
        found = [line_of(alarm, f"{here.name}-") for alarm in alarms_in(here)]
        found.sort(key=lambda line: (list(STATES.values()).index(line["state"]), line["alarm"]))
        if json_:
            print_json(found)
            return
        firing = sum(line["state"] == "fires" for line in found)
        ends = f"{firing} of {counted(len(found), 'alarm')} {'fires' if firing == 1 else 'fire'}."
        ends += " docs/runbook.md has a section on each."
        columns = ("state", "alarm", "since", "meaning")
        rows = [tuple(line[name] for name in columns) for line in found]
        print_rows(columns, rows, Format.TABLE, ends=f"{ends} {LOCAL}" if here.local else ends, zone=zone_of(here))


def line_of(alarm: dict[str, Any], prefix: str) -> dict[str, Any]:
    """One alarm. ``prefix``: what the names of the stack's alarms begin with. ``runbook``: a page and its section."""
    meaning, _, section = alarm.get("AlarmDescription", "").rpartition(": ")
    muted = not alarm.get("ActionsEnabled", True)
    return {
        "state": STATES[alarm["StateValue"]],
        "alarm": alarm["AlarmName"].removeprefix(prefix),
        "since": iso(alarm["StateUpdatedTimestamp"]),
        "meaning": f"{meaning} (muted)" if muted else meaning,
        "runbook": section,
        "muted": muted,
        "why": alarm.get("StateReason"),
    }

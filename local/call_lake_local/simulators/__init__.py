"""Simulated Thulium and Conpeek: a seeded world of calls, real speech, the documented APIs, and every known fault.

`World.generate(…)` makes the calls; `running(world, faults)` serves them on 127.0.0.1; `transport.session(…)` gives
the same answers without sockets. `python -m call_lake_local.simulators` runs them. Faults: `faults.FAULTS`.
"""

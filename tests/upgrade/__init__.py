"""Proof of rule 35: today's code goes on from what an earlier version stored and deployed.

``tests/upgrade/<version>/`` is what a version left: its template, its names, and an account in memory (``state.json``
and ``bucket/``). ``make upgrade-base VERSION=…`` writes it once, when the version is released. After that nobody
changes it.
"""

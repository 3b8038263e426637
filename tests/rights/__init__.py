"""Proof that each function's role may do what its function calls, and nothing else.

``runs.py`` lets the functions work in memory, and ``recording.py`` notes each request that they would send to AWS, with
its parameters. ``needs.py`` says which IAM actions AWS asks for on which resource; it also lists what AWS itself does in
a role's name, which no run of ours can show. ``tests/unit/deployment/test_rights.py`` compares that with the template,
both ways. ``page.py`` writes the table of docs/security.md: ``make rights``.
"""

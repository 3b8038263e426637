"""Proof that each role of the stack may do what its function calls, and nothing else.

``runs.py`` lets the functions work in memory, and ``recording.py`` notes each request that they would send to AWS, with
its parameters. ``needs.py`` says which IAM action AWS asks for on which resource. It also lists what AWS itself does in
a role's name, because no run of ours can show that. ``compared.py`` compares both with the template, and ``page.py``
writes the table of docs/security.md: ``make rights``.
"""

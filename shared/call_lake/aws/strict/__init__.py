"""Strict requests: what AWS would refuse is refused here first. For tests and the local stack alone (docs/adr/0029)."""

"""Copying recordings, measured side by side with a bare PUT and with what a user would pick instead."""

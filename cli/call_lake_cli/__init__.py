"""The operator's command ``call-lake``."""

"""Checks of what the codecs write against the vendors' machine-readable descriptions. `../specs.py` starts it."""

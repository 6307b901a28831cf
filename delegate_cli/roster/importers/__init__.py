"""Rosters that people already have: one file a format, each from bytes to agents."""

"""Decisions as text: every function returns strings, none writes."""

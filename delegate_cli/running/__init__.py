"""Doing what was decided: agents called, answers put together, judged and kept."""

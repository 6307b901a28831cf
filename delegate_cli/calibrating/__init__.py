"""Labelled tasks: what is fitted on them, and how it is kept beside the index."""

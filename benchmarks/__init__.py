"""Measurements on public data. Nothing here is installed with the package."""

"""YAML (or JSON) files to a `Roster`."""

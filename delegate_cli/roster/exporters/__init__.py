"""One file a format: a `Roster` → its text or files.

What a format has no place for is carried beside it where its importer finds it again, so that a roster comes back as it was.
"""

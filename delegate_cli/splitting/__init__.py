"""One request as several tasks: whether, which, and who does each."""

"""What was decided and what people said of it, in one SQLite file that many processes may write at once."""

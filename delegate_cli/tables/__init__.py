"""Tables of figures from CSV and Parquet files, read without a guess about what they mean."""

"""Shortlist → one raw view of each candidate after another, which calibration turns into probabilities."""

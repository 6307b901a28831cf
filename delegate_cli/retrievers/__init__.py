"""Task → shortlist of agents."""

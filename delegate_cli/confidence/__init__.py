"""Raw views → probabilities that mean what they say, a rubric in words, and the threshold for handing over."""

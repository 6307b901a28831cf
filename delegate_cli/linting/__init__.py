"""What is wrong with a roster: findings, what they cost and how to mend them."""

"""How hard a task is for whom, which model or way of working it needs, and what a plan costs."""

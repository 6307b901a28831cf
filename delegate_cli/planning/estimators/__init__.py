"""Ways to learn P(success | task, agent) from outcomes. One file each; all have the form of `base.Estimator`."""

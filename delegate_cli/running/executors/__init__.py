"""Those who do the work: one file a kind, each with the one method of `running.work.Executor`."""

"""The decision over HTTP and MCP. `client` and `whereabouts` are light: a command that asks a server loads nothing else."""

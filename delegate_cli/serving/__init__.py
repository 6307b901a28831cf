"""The decision over MCP and HTTP."""

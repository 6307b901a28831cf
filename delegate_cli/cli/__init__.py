"""The command. A body parses, calls and renders; everything heavy is reached inside a body."""

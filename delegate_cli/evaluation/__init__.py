"""How good decisions are on labelled tasks: measured, compared, and broken down."""

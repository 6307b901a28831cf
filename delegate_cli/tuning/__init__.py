"""Labelled tasks of a roster → an adapter of its encoder, which is used only where held-out tasks say that it is no worse."""

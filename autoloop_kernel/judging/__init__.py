"""Decides what a score means: keep or discard."""

"""Runs a candidate notebook under the harness's clock, with a referee that never runs agent code."""

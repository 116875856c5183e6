"""Plots, tables and live displays: pure functions of what the ledger says."""

"""Dagster wiring: when, in which order, with which connection."""

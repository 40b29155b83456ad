"""Thin Dagster assets, one module a stage: read, one domain call, write, report."""

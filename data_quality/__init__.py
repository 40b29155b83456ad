"""Plausibility at the borders: contracts, the extract reader, suites and typed verdicts."""

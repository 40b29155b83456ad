"""Measurements: what a user waits for, and what Stockstrata costs beside the bare tools under it."""

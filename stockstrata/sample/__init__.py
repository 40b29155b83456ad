"""A made-up company with known truth: seeded, free of clock and files, frames out."""

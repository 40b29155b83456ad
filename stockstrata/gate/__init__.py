"""The promotion gate: candidate policies are replayed on what really came before they are put in force."""

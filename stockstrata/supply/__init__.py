"""What suppliers do: lead times, changes of them, yield, and what depending on one supplier costs."""

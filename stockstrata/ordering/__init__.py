"""Orders: calendars, constraints and baskets of proposals; open and placed orders that need a second look."""

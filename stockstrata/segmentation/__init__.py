"""Classes of an item-location, and the segment that the rules make of them."""

"""New item-locations: a level and a launch curve from analogs, corrected by every bucket that is sold."""

"""What becomes of a forecast after it is made: changed by people, blended, judged, tracked, worked through."""

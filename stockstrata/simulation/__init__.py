"""Simulation of stock policies: periods one by one, many item-locations and demand paths at once."""

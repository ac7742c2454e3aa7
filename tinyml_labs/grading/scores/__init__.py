"""The gradebook, points by hand, late days, and tables for other systems."""

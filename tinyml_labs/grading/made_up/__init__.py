"""A class that never was: answers from right to wrong, and submissions from broken to hostile."""

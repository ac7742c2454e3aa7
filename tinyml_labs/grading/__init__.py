"""Exercises: the students' copies of the labs (``release``) and the checks that a lab runs (``checks``)."""

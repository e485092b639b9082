"""What can be done with a fitted model: one verb, one file."""

"""Codes of many images: made in batches, searched, laid out in the plane."""

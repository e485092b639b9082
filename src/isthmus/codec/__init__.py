"""Codes to a real file and back."""

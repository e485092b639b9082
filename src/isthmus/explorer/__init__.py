"""The explorer: models and images as a page to walk through by hand, served or as a folder."""

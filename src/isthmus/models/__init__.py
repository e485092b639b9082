"""The families: one file each, one line each in `isthmus.families`."""

"""The machine: files, memory, its pace, progress on the screen and in the log."""

"""A fuzzer of every file that isthmus reads: see `run.py`."""

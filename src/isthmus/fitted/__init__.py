"""What is kept of a fit: its file, its fingerprint, what it has seen, how well it went."""

"""Settings of the decks, carried out and written down."""

"""Networks: what the neural families are built from."""

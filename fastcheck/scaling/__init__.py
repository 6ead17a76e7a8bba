"""How the time of a check grows with the number of components."""

"""Slopes of J and how far they may be off, without a look at the gradient that is to be judged."""

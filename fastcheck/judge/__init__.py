"""From what was measured and what the user claims to a verdict."""

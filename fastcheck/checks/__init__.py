"""The checks: each takes the callers' arguments and returns a result."""

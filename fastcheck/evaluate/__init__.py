"""J at moved parameters: work items in, values of J out, on threads."""

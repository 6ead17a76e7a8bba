"""What is to be judged: parameters and their names, what callers pass, which components."""

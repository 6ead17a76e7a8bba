"""Whatever else has a gradient, made into a Problem: one module for each shape in which users bring it."""

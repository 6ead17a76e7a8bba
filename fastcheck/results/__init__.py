"""Finished outcomes as frozen records, and how they are kept in files."""

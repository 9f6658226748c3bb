"""Filled as its modules arrive."""

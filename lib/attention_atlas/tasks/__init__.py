"""Synthetic data on which the book trains networks: a task says which, a world is one draw of its vocabulary."""

"""Stored results as pages read them: points, tables over seeds, and what they are held against."""

"""Training of many small, independent networks at once."""

"""Checks for the exercises of the book, one module per chapter: praise or the likely mistake."""

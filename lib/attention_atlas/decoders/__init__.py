"""Decoders trained on text: which there are, and what is measured on their attention."""

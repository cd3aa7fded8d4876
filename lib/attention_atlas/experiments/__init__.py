"""Controlled experiments: one module each, from a frozen configuration to a tidy table."""

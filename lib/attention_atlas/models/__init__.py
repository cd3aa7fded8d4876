"""The networks that the controlled experiments train."""

"""Weightless transformer stacks on random tokens (Kim et al. 2026), simulated by vectors or by Gram factors alone."""

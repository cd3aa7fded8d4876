"""Catch, tag, release (Zhang et al. 2025) by hand: two constructions, their errors in closed form, and one layer.

The paper's full text was not at hand. Task and mechanism are the paper's; constructions, bounds and proofs are ours.
"""

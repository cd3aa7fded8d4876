"""Theory of Wu et al. 2025: bounds, closed forms and critical points, with every constant explicit.

Two conventions hold in all modules. ``layers`` is the number of maps multiplied, t + 1 in the paper's P^(t), as in
:mod:`attention_atlas.rollout`. Bounds are returned as natural logarithms, because the bounds themselves underflow.
"""

"""Theory of Kim et al. 2026: why layer normalization turns the causal mask's early bias into recency.

``closed_form`` solves two layers exactly, ``gram`` follows Gram matrices through any number of layers, ``deep`` says
where all of it ends. Formulas count tokens from 1, arrays from 0; scores at keys after the query are NaN, for they do
not exist under a causal mask.
"""

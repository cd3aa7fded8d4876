"""Localization (Bao et al. 2024): where a signal passes through softmax, and what the query-key eigenspectrum decides.

The paper's full text was not at hand. Its ingredients are the paper's; every formula here is our reconstruction.
"""

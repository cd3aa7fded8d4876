"""Attention Atlas: where transformers look, and why.

Importing one module loads that module and what it needs, nothing else: import ``attention_atlas.masks``, not a bundle.
"""

__version__ = "0.1.0"

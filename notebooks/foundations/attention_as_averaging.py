# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Attention is averaging
#
# Text with $x$ and {numref}`fig-uniform-attention`.

# %% tags=["parameters"]
tokens: int = 12  # sequence length

# %% tags=["hide-input"]
import matplotlib.pyplot as plt

from attention_atlas import figures
from attention_atlas.attention import attention_weights
from attention_atlas.masks import causal, dense
import torch

figures.style()

# %% tags=["hide-input"]
weights = attention_weights(torch.zeros(tokens, tokens, dtype=torch.float64), dense(causal, tokens))
figure, (left, right) = plt.subplots(1, 2)
left.imshow(weights)
for row in (2, 5, 11):
    right.plot(weights[row], marker="o", label=f"query {row + 1}")
right.legend()
figures.show(figure, name="uniform-attention", caption=f"Uniform attention, $N={tokens}$, {weights[2,0]:.3f}", alt="Two panels")

# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # One picture
#
# **The question: if every token said the same, where would the last token look?**
#
# Take attention whose content is flat, so that every allowed token is as good as any other. What remains is the mask and
# the positional encoding. Follow the last token's context back through the layers to the input
# ({doc}`rollout </_executed/foundations/rollout>` multiplies the maps), and position alone makes a pattern.

# %% tags=["parameters"]
tokens: int = 64  # sequence length
depths: list[int] = [1, 2, 4, 8, 16]  # numbers of layers drawn, from few to many
window: int = 9  # width of the sliding window, in tokens
prefix_length: int = 4  # tokens of the prefix, which see each other
slope: float = 0.223  # decay per token: 0.223 keeps 0.8 of the weight per token of distance
angle: float = 0.05  # theta_1 of the RoPE-like map, in radians
picture: str = ""  # also save the figure under this path, as .svg and .png

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import torch

from attention_atlas import figures, masks
from attention_atlas.rollout import rollout_power
from attention_atlas.theory.position_bias.kernels import flat_map

figures.style()

# %% tags=["hide-input"]
panels = {
    "causal mask": flat_map(tokens),
    f"prefix of {prefix_length}": flat_map(tokens, masks.prefix(prefix_length)),
    f"window of {window}": flat_map(tokens, masks.sliding_window(window)),
    f"decay, {torch.exp(torch.tensor(-slope)):.2f} per token": flat_map(tokens, slope=slope),
    f"RoPE-like, $\\theta_1={angle}$": flat_map(tokens, angle=angle),
    "causal + residual of strength 3": flat_map(tokens),
}
figure, axes = plt.subplots(2, 3, figsize=(9, 5), sharex=True, sharey=True)
for axis, (title, attention) in zip(axes.flat, panels.items(), strict=True):
    for depth, shade in zip(depths, figures.shades(len(depths)), strict=True):
        row = rollout_power(attention, depth, residual=3.0 if "residual" in title else 0.0)[-1]
        axis.plot(range(1, tokens + 1), row, color=shade, label=f"{depth}")
    axis.set(title=title, yscale="log", ylim=(1e-3, 1.3), xlim=(0.5, tokens + 0.5))
for axis in axes[:, 0]:
    axis.set_ylabel("share of context")
for axis in axes[1]:
    axis.set_xlabel("input token")
axes[0, 0].legend(title="layers", title_fontsize=9.5, ncols=2, loc="upper right")
alt = (
    "Six panels, one for each mask or encoding. Each shows the share of the last token's context that comes from every "
    "input token, for 1 to 16 layers. Causal: mass runs to the first token. Prefix: to the whole prefix. Window and "
    "decay: a hump that starts at the last token and travels toward the first as layers are added. RoPE-like: the same, "
    "faster. Residual: as causal, but slower."
)
if picture:
    figures.save(figure, picture, alt)
figures.show(
    figure,
    name="one-picture",
    caption=f"Where the context of the last of $N={tokens}$ tokens comes from, with flat content, after "
    f"{', '.join(map(str, depths))} layers. A causal mask alone sends it to the first token; every mechanism that "
    "favors the near past only sets the speed at which depth undoes it. Note the logarithmic axis.",
    alt=alt,
)

# %% [markdown]
# Three things to take from it.
#
# - **Depth looks back.** Every layer adds a step into the past, and a causal mask allows no step forward. What no token
#   can leave is the first token (or the prefix): {prf:ref}`Theorem 4.1 <thm-causal-collapse>`, {prf:ref}`Theorem 4.3 <thm-prefix-collapse>`.
# - **Nearness is a speed, not a place.** A window, a decay mask or RoPE makes the steps short. The hump still moves, at a
#   speed that the step alone decides: {prf:ref}`Theorem 4.2 <thm-window-collapse>`, {prf:ref}`Theorem 4.5 <thm-decay-rollout>`, {prf:ref}`prop-walk-peak`.
# - **A residual slows it**, because some of every step stays where it is.
#
# What a trained network does with its content comes on top of this; the experiments of the four papers measure how much.
# Move the sliders yourself: {doc}`/position_bias/playground`.

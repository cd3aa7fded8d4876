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
# **What does one attention map do to a sequence?** It replaces every token by a weighted average of the tokens that it may see.
# The weights are all there is to know about *where* it looks. This whole book is about those weights.

# %% tags=["parameters"]
tokens: int = 12  # sequence length
logit_scale: float = 1.0  # standard deviation of the random logits
query_token: int = 9  # the token whose average the first figure shows, counted from 1
draws: int = 200  # random maps behind the checks
seed: int = 0  # of the random logits

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import PowerNorm
from myst_nb import glue

from attention_atlas import figures
from attention_atlas.attention import attention_weights, logits
from attention_atlas.drawing.attention import attention_map
from attention_atlas.masks import causal, dense, prefix, sliding_window
from attention_atlas.metrics import entropy
from attention_atlas.positions import rope, rope_frequencies, rope_logits_by_distance
from attention_atlas.sinks import attention_received
from attention_atlas.theory.position_bias.collapse import epsilon_from_logits
from attention_atlas.theory.position_bias.kernels import flat_map

figures.style()
generator = torch.Generator().manual_seed(seed)

scores = logit_scale * torch.randn(tokens, tokens, generator=generator, dtype=torch.float64)
weights = attention_weights(scores, dense(causal, tokens))
values = torch.randn(tokens, generator=generator, dtype=torch.float64)
row = weights[query_token - 1]
mean = (row @ values).item()
seen, unseen = range(1, query_token + 1), range(query_token + 1, tokens + 1)

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.3), width_ratios=[1, 1.35])
image = attention_map(left, weights)
left.add_patch(
    plt.Rectangle((0.5, query_token - 0.5), tokens, 1, fill=False, edgecolor=figures.PALETTE["orange"], linewidth=2)
)
left.set_title("The map: one row per query")
figure.colorbar(image, ax=left, shrink=0.75, label="weight")
right.axhspan(
    values[:query_token].min(), values[:query_token].max(), color=figures.PALETTE["blue"], alpha=0.12, linewidth=0
)
right.scatter(unseen, values[query_token:], s=40, facecolor="none", edgecolor=figures.PALETTE["muted"])
right.vlines(seen, mean, values[:query_token], color=figures.PALETTE["blue"], linewidth=0.8)
right.scatter(seen, values[:query_token], s=20 + 900 * row[:query_token], color=figures.PALETTE["blue"])
right.axhline(mean, color=figures.PALETTE["orange"], linestyle="--")
right.annotate(
    "average", (tokens + 0.4, mean), (0, 5), textcoords="offset points", ha="right", color=figures.PALETTE["orange"]
)
right.set(title=f"Its row {query_token}: an average of values", xlabel="key", ylabel="value", xlim=(0.3, tokens + 0.7))
right.grid(axis="x", visible=False)
figures.show(
    figure,
    name="attention-average",
    caption="**A map is a table of averages.** Left: attention weights of random logits under a causal mask; every row sums to 1, "
    f"and empty cells are exactly 0. Right: what row {query_token} does to one coordinate of the values. Dots are the values of the "
    f"{tokens} tokens, filled if token {query_token} may see them, their area in proportion to their weight. The dashed line is the result. It can never "
    "leave the shaded band between the smallest and the largest value that the query sees.",
    alt=f"Left, a lower triangular attention map of {tokens} tokens with row {query_token} outlined. Right, one value per token as dots of "
    "different area; the dashed weighted average lies inside the band that the visible values span.",
)

# %% [markdown]
# ## The equation this book lives on
#
# A query $i$ scores every key $j$ by a *logit* $\ell_{ij}$. The mask says which keys count. The softmax turns their scores into weights:
#
# $$
# A_{ij} = \frac{e^{\ell_{ij}}}{\sum_{k\,\text{allowed}} e^{\ell_{ik}}}\quad\text{if $i$ may attend to $j$, and } A_{ij} = 0 \text{ otherwise.}
# $$ (eq-attention-map)
#
# Attention then averages the tokens, which are the rows of $X$, and a matrix $W_V$ moves the result to new coordinates:
#
# $$
# X^{(t+1)} = A^{(t)}\, X^{(t)}\, W_V^{(t)} .
# $$ (eq-attention-layer)
#
# {eq}`eq-attention-layer` is the attention-only network of Wu 2025 {cite}`wu2025`. There
# $\ell_{ij} = q_i^\top k_j/\sqrt{d_{\text{head}}}$ with queries $XW_Q$ and keys $XW_K$. Look at the two sides of $X$: $A$ acts on the *positions*,
# $W_V$ acts on the *coordinates*. Once $A$ has been computed from $X$ the two never meet. That is why position can be studied with $A$ alone.
#
# Tokens are counted from 1 in the text and in every figure, as in the papers. The library counts from 0.

# %% [markdown]
# ## What the softmax guarantees
#
# ````{prf:proposition} An attention map is a table of averages
# :label: prop-averaging
#
# <span class="atlas-origin">derived here</span>
#
# Let all logits be finite and let every query be allowed at least one key. Then
#
# 1. $A_{ij} > 0$ exactly where $i$ may attend to $j$, and every row of $A$ sums to 1;
# 2. adding a number to all logits of one row changes nothing;
# 3. in every coordinate, $AX$ stays within the range of $X$: $\min_k x_k \le (AX)_i \le \max_k x_k$;
# 4. if $|\ell_{ij}| \le b$ and no query may attend to more than $n$ keys, every allowed weight is at least $\varepsilon = 1/(1 + (n-1)\,e^{2b})$.
# ````
#
# ````{prf:proof}
# (1) and (2) can be read off {eq}`eq-attention-map`. (3) is (1): an average with weights that are at least 0 and sum to 1. (4): a weight is least when its own logit is $-b$
# and the $n-1$ others are $+b$; then it is $e^{-b}/(e^{-b} + (n-1)e^{b})$.
# ````
#
# Part 3 is where depth gets its pull: averages of averages only ever move together. Part 4 is the $\varepsilon$ in
# Theorems 4.1 to 4.3 of Wu 2025: *however the model was trained*, bounded logits leave every allowed token a share of at least $\varepsilon$.
#
# The check draws random logits and values and compares. As a negative control it replaces the softmax by a sigmoid of each logit. Its rows
# do not sum to 1, so nothing keeps its output inside the range.


# %%
def leaves_range(after, before):
    return (after.amax(1) > before.amax(1)) | (after.amin(1) < before.amin(1))


def normal(*shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


allowed = dense(causal, tokens)
scores = logit_scale * normal(draws, tokens, tokens)
values = normal(draws, tokens, 1)

weights = attention_weights(scores, allowed)
sums_off = (weights.sum(-1) - 1).abs().max().item()  # part 1
outside = leaves_range(weights @ values, values)  # part 3
largest = scores[:, allowed].abs().amax(1)  # part 4: b, draw by draw
epsilon = [epsilon_from_logits(causal, tokens, b.item()) for b in largest]
smallest = weights[:, allowed].amin(1)
margin = (smallest / torch.tensor(epsilon).double()).log10().min().item()

control = leaves_range((scores.sigmoid() * allowed) @ values, values)

# %% tags=["hide-input"]
assert not outside.any() and margin >= 0 and control.any()
glue("averaging-sums", f"{sums_off:.1e}", display=False)
glue("averaging-outside", f"{int(outside.sum())} of {draws}", display=False)
glue("averaging-margin", f"{margin:.2f}", display=False)
glue("averaging-control", f"{int(control.sum())} of {draws}", display=False)

# %% [markdown]
# | what is checked | result |
# |---|---|
# | largest distance of a row sum from 1 | {glue:text}`averaging-sums` |
# | draws in which an output leaves the range of the values | {glue:text}`averaging-outside` |
# | least margin of part 4, $\log_{10}(\text{smallest weight}/\varepsilon)$ | {glue:text}`averaging-margin` |
# | *control:* draws in which sigmoid weights leave the range | {glue:text}`averaging-control` |
#
# One warning: positive is not the same as visible. In float32 a weight that trails the best key by more than about 100 logits is rounded to an exact 0, and
# the theorems no longer see it. The theory in this book is therefore computed in float64, where that happens only beyond some 700.

# %% [markdown]
# ## What the mask says on its own
#
# Make every content logit equal. Now nothing prefers anything, and what is left of the map comes from the mask and from the positional encoding alone.
# Under a causal mask token $i$ sees $i$ tokens and gives each of them $1/i$.

# %% tags=["hide-input"]
panels = {
    "causal": flat_map(tokens),
    "window of 4": flat_map(tokens, mask=sliding_window(min(4, tokens))),
    "prefix of 3": flat_map(tokens, mask=prefix(min(3, tokens))),
    "causal, decay 0.5": flat_map(tokens, slope=0.5),
}
norm = PowerNorm(0.5, vmin=0, vmax=1)
figure, axes = plt.subplots(2, 4, figsize=(7.2, 3.7), height_ratios=[1.5, 1])
for column, (name, flat) in enumerate(panels.items()):
    attention_map(axes[0, column], flat, norm=norm, labels=column == 0)
    axes[0, column].set_title(name)
    received = attention_received(flat, flat > 0)
    axes[1, column].bar(range(1, tokens + 1), received, color=figures.PALETTE["blue"], width=0.8, linewidth=0)
    axes[1, column].set(ylim=(0, 0.65), xlabel="key", xticks=[1, tokens], xlim=(0.3, tokens + 0.7))
    axes[1, column].grid(axis="x", visible=False)
    if column:
        axes[1, column].set_yticklabels([])
axes[0, 0].set_xlabel("")
axes[1, 0].set_ylabel("mean received")
first_received = attention_received(flat_map(tokens), dense(causal, tokens))[0].item()
figures.show(
    figure,
    name="flat-maps",
    caption="**No content, and yet no symmetry.** Top: attention maps with equal content logits (brighter is more, on a square-root scale). Bottom: mean attention that each token receives from the "
    f"queries that see it. Under the causal mask token 1 receives {first_received:.3f} on average, although no query prefers it.",
    alt="Four lower triangular attention maps: causal, sliding window, prefix, causal with decay. Bars below show the mean attention received by each token: "
    "for the causal mask they fall slowly from the first token on; with decay they rise towards the last tokens.",
)

# %% [markdown]
# The bars are the baseline for every claim about *attention sinks*. A token may look like a sink because it was learned to be one, or because short rows
# have few places to put their weight. Under the uniform causal map token $j$ receives $\frac{1}{N-j+1}\sum_{i=j}^{N} \frac1i$ from its queries. Always compare with that.
#
# A decay mask, {py:func}`~attention_atlas.positions.decay_bias`, subtracts $m$ from the logit for every token of distance. It is the last panel of {numref}`fig-flat-maps`.

# %% [markdown]
# ## What a rotary encoding says on its own
#
# RoPE turns the query of token $i$ and the key of token $j$ by angles proportional to their positions, pair of coordinates by pair. Only the difference of the angles enters the
# product. For two dimensions, and for a query and a key of lengths $|q|$ and $|k|$ that stood at angle $\varphi$ before,
#
# $$
# \ell_{ij} = \tfrac{1}{\sqrt{2}}\,|q|\,|k|\,\cos\bigl(\varphi - (i-j)\,\theta_1\bigr) .
# $$ (eq-rope-logit)

# %% tags=["hide-input"]
reach, d_head = 120, 64
two = torch.tensor([1.0, 0.0], dtype=torch.float64)
theta = 0.15
scores_two = rope_logits_by_distance(two, two, torch.tensor([theta], dtype=torch.float64), reach) * math.sqrt(2)
ones = torch.ones(d_head, dtype=torch.float64)
scores_ones = rope_logits_by_distance(ones, ones, rope_frequencies(d_head), reach) / math.sqrt(d_head)
some_query, some_key = torch.randn(2, d_head, generator=generator, dtype=torch.float64)
scores_some = rope_logits_by_distance(some_query, some_key, rope_frequencies(d_head), reach) / math.sqrt(d_head)
distance = torch.arange(reach + 1)

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1), width_ratios=[1, 2])
for steps in range(8):
    angle = -steps * theta
    first = steps == 0
    left.annotate(
        "",
        (math.cos(angle), math.sin(angle)),
        (0, 0),
        arrowprops={
            "arrowstyle": "-|>",
            "color": figures.PALETTE["orange" if first else "blue"],
            "alpha": 1 - 0.1 * steps,
            "linewidth": 1.6,
            "shrinkA": 0,
            "shrinkB": 0,
        },
    )
    if steps in (0, 7):
        left.text(1.12 * math.cos(angle), 1.12 * math.sin(angle), "query" if first else "key, 7 back", va="center")
left.set(xlim=(-0.15, 1.75), ylim=(-1.25, 0.35), aspect="equal", title="Turned by 0.15 per token")
left.set_axis_off()
right.plot(distance, scores_two, label=r"2 dimensions, $\theta_1 = 0.15$")
right.plot(distance, 1 - (theta * distance) ** 2 / 2, linestyle=":", label="its parabola")
right.plot(distance, scores_ones, linestyle="--", label=f"{d_head} dimensions, equal q and k")
right.plot(distance, scores_some, linestyle="-.", label=f"{d_head} dimensions, random q and k")
right.axvline(math.pi / theta, color=figures.PALETTE["muted"], linewidth=0.8)
right.annotate(r"$\pi/\theta_1$", (math.pi / theta, -1), (4, 0), textcoords="offset points")
right.set(xlabel="distance, query - key", ylabel="logit / largest", ylim=(-1.15, 2.05), yticks=[-1, 0, 1])
right.legend(ncols=1, loc="upper right")
relative = logits(*(rope(vector.expand(reach + 1, -1), rope_frequencies(d_head)) for vector in (some_query, some_key)))
off = max(relative.diagonal(-gap).std().item() for gap in range(reach))
figures.show(
    figure,
    name="rotation-logits",
    caption="**RoPE is a clock, not a decay.** Left: keys fall behind the query by one angle per token. Right: the logit against distance, from the library's own rotation. "
    "In two dimensions it is a cosine: close by it falls like a parabola, at $\\pi/\\theta_1$ it turns back. With many frequencies and equal vectors it falls and ripples; "
    f"for a random query and key it just wanders. All depend on the distance only: along a diagonal the logits of {reach + 1} tokens agree to {off:.0e}.",
    alt="Left, arrows fanning out from a query by equal angles. Right, logits against distance: a cosine that comes back, a parabola that follows it at first, "
    "a rippling decline for 64 dimensions with equal vectors, and a wandering line around zero for random vectors.",
)

# %% [markdown]
# Two things follow. The parabola is why Lemma 4.6 of Wu 2025 finds weights like $e^{-c\,(i-j)^2\theta_1^2}$. And the lemma must assume that no angle gets past a half turn, $(\delta + N - 1)\,\theta_1 \le \pi$, because there the
# logit turns back. Real models run RoPE far beyond that for their fast pairs.

# %% [markdown]
# ## How sharp is the average?
#
# Multiply all logits by a number $s$, the *logit scale* (an inverse temperature). At $s = 0$ the row is uniform over $n$ keys. For $s \to \infty$ it picks the largest. The *entropy*
# $H_i = -\sum_j A_{ij} \log A_{ij}$ says where on this way a row is: $\log n$ at one end, $0$ at the other, and $e^{H}$ counts the keys that effectively share the weight.

# %% tags=["hide-input"]
scales = torch.linspace(0, 6, 31, dtype=torch.float64)
sizes = {16: ("blue", "o"), 256: ("orange", "s"), 4096: ("green", "^")}
figure, axis = plt.subplots(figsize=(7.2, 3.3))
for n, (color, marker) in sizes.items():
    noise = torch.randn(64, n, generator=generator, dtype=torch.float64)
    everything = torch.ones(64, n, dtype=torch.bool)
    measured = torch.stack([entropy(attention_weights(scale * noise, everything)).mean() for scale in scales])
    freezing = math.sqrt(2 * math.log(n))
    axis.plot(scales, measured, color=figures.PALETTE[color], marker=marker, markevery=3, label=f"$n = {n}$ keys")
    below = torch.linspace(0, freezing, 60, dtype=torch.float64)
    axis.plot(below, math.log(n) - below**2 / 2, color=figures.PALETTE[color], linestyle=":", linewidth=1.4)
axis.plot([], [], color=figures.PALETTE["muted"], linestyle=":", label=r"$\log n - s^2/2$")
axis.set(xlabel="logit scale $s$ (standard deviation of the logits)", ylabel="entropy (nats)", ylim=(0, 9))
axis.legend()
figures.show(
    figure,
    name="entropy-scale",
    caption="**From an average to a choice.** Mean entropy of a row of $n$ independent normal logits with standard deviation $s$ (64 rows, markers), and the law of many keys "
    r"$\log n - s^2/2$ (dotted), drawn up to $s = \sqrt{2\log n}$, where it reaches zero.",
    alt="Three falling curves of entropy against logit scale for 16, 256 and 4096 keys. Each starts at the logarithm of the number of keys, follows a dotted parabola at first and then flattens above zero.",
)

# %% [markdown]
# <span class="atlas-origin">derived here</span> For independent normal logits the law is one line: $H = \log Z - \sum_j A_j \ell_j$, and for many keys $\log Z \approx \log n + s^2/2$ and
# $\sum_j A_j \ell_j \approx s^2$, so $H \approx \log n - s^2/2$. It cannot hold beyond $s = \sqrt{2\log n}$, where a few keys take over. This is the freezing of Derrida's random energy model
# {cite}`derrida1981`. Longer contexts need larger logits to make a choice, but only as $\sqrt{\log n}$.
#
# The two ends have names in this book. Rows near $\log n$ make all tokens alike (*rank collapse*). Rows near 0 pass one token on (*entropy collapse*). Bao 2024 asks what lies between.

# %% [markdown]
# ## What a practitioner does with it
#
# - Before calling a token a sink, subtract what the mask gives it for free ({numref}`fig-flat-maps`).
# - Compare entropies as a share of $\log n$, row by row. Early rows of a causal map *must* have low entropy: they see few tokens.
# - Do not count on RoPE to forget: its logits come back. If old tokens must fade, add a decay.
# - An average never creates a value. Whatever exceeds the range of its inputs was made by $W_V$, an MLP or a normalization.

# %% [markdown]
# ## Exercises

# %% [markdown]
# ```{exercise-start} The entropy of no preference
# :label: ex-mean-entropy
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# All logits are equal, the mask is causal and there are $N = 16$ tokens. What is the mean entropy of the 16 rows, in nats? Find the formula first.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ````{solution-start} ex-mean-entropy
# :label: sol-mean-entropy
# :class: dropdown
# ````

# %% [markdown]
# Row $i$ shares equally among $i$ tokens, so its entropy is $\log i$. The mean is $\frac1N \sum_i \log i = \log(N!)/N$, well below $\log N$.

# %%
from attention_atlas.exercises.foundations import check_mean_entropy

check_mean_entropy(math.log(math.factorial(16)) / 16, tokens=16)

# %% [markdown]
# ````{solution-end}
# ````

# %% [markdown]
# ```{exercise-start} A sink that nobody made
# :label: ex-received-by-first
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# The same uniform causal map, now with the $N = 17$ tokens of the experiments of Wu 2025. How much attention does token 1 receive, averaged over the queries that see it?
# A common definition calls a token a sink if this number exceeds 0.2. Is it one?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ````{solution-start} ex-received-by-first
# :label: sol-received-by-first
# :class: dropdown
# ````

# %% [markdown]
# Query $i$ gives token 1 the share $1/i$, and all $N$ queries see it: $\frac1N\left(1 + \frac12 + \dots + \frac1N\right)$. For 17 tokens this is just above 0.2. Token 1 is a "sink" of a map
# that prefers nothing, so the threshold partly finds the mask's geometry ({ref}`ledger <ledger-wu2025-sink-convention>`).

# %%
from attention_atlas.exercises.foundations import check_received_by_first

check_received_by_first(sum(1 / i for i in range(1, 18)) / 17, tokens=17)

# %% [markdown]
# ````{solution-end}
# ````

# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Masks are graphs
#
# **Which tokens can win, whatever the model learns?** Draw the mask as a graph and look for the tokens from which everyone can be reached. In a deep enough stack, attention ends up there.

# %% tags=["parameters"]
tokens: int = 8  # sequence length of the drawings
width: int = 3  # of the sliding window, the query itself included
prefix_length: int = 3  # tokens that see each other in both directions
layers: int = 60  # depth of the check
graphs: int = 200  # random masks on which the proposition is checked as well
logit_scale: float = 0.3  # standard deviation of the random logits of the check
seed: int = 0  # of the random logits

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from myst_nb import glue

from attention_atlas import figures
from attention_atlas.checks.centers import atlas_center_limit, packed_documents
from attention_atlas.checks.margins import ROUNDING, random_maps
from attention_atlas.drawing.attention import mask_graph, mask_matrix
from attention_atlas.masks import Mask, causal, center_nodes, none, prefix, sliding_window, steps_from
from attention_atlas.theory.centers import log_center_bound, outside_share, steps_to_centers
from attention_atlas.theory.position_bias.collapse import measured_epsilon

figures.style()
palette = figures.PALETTE
generator = torch.Generator().manual_seed(seed)

masks = {
    "Causal": causal,
    f"Sliding window, $w = {width}$": sliding_window(width),
    f"Prefix, $K = {prefix_length}$": prefix(prefix_length),
    "No mask": none,
}
figure = plt.figure(figsize=(7.2, 3.9))
for part, (title, mask) in zip(figure.subfigures(2, 2).flat, masks.items(), strict=True):
    part.suptitle(title, x=0.03, ha="left", fontsize=11)
    graph, matrix = part.subplots(1, 2, width_ratios=[2, 1])
    mask_graph(graph, mask, tokens)
    mask_matrix(matrix, mask, tokens)
    graph.set_anchor("N")
    matrix.set_anchor("N")
figures.show(
    figure,
    name="mask-graphs",
    caption=f'**Four masks, drawn twice** (the first three are Figure 1 of Wu 2025, here for any size; now $N = {tokens}$). An arc from $j$ to $i$ means "$i$ attends to $j$": it points where information flows. Arcs to '
    "later tokens run above the line, arcs to earlier ones below; every token also attends to itself. In the matrix a filled cell is an allowed pair. Center nodes, their arcs and their columns are orange.",
    alt=f"Four arc diagrams over {tokens} numbered tokens, each beside its mask matrix. Causal: a triangle, node 1 is highlighted. Sliding window: short arcs only, node 1 is highlighted. "
    f"Prefix: the first {prefix_length} nodes are highlighted and linked in both directions. No mask: every node is highlighted.",
)

# %% [markdown]
# ## Center nodes
#
# ````{prf:definition} Center node
# :label: def-center-node
#
# <span class="atlas-origin">paper</span>
#
# A mask is a directed graph on the tokens, with an edge $(j, i)$ whenever $i$ may attend to $j$. A *center node* is a token from which every token can be reached along edges.
# ````
#
# The causal mask and the sliding window have one center node, token 1. A prefix mask has $K$ of them. Without a mask every token is one. The paper's Theorems 4.1 to 4.3 say, mask by mask, that deep attention
# collapses onto the center nodes. One argument is behind all three, and it works for any mask that you can draw.
#
# Read a stack of layers backwards. Token $i$ of the last layer takes what it has from token $j$ of the layer below with probability $A_{ij}$, which took it from another token, and so on down to the input. This is a random walk
# *against* the arrows. Where can it get stuck? Only in a set of tokens that attend to nothing outside.
#
# ````{prf:proposition} The walk ends in the center nodes
# :label: prop-center-limit
#
# <span class="atlas-origin">derived here</span>
#
# Let a mask have at least one center node but not only such, let $C$ be the set of all of them, and let $r$ be the largest number of steps that a token needs from the nearest of them. If every allowed weight of every layer is at least $\varepsilon > 0$,
# then $t + 1$ layers leave outside $C$ at most
#
# $$
# \sum_{j \notin C} P^{(t)}_{ij} \;\le\; (1 - \varepsilon^{r})^{\lfloor (t+1)/r \rfloor} \qquad\text{for every token } i .
# $$ (eq-center-limit)
# ````
#
# ````{prf:proof}
# *$C$ cannot be left.* If a center node $c$ attends to $j$, there is an edge from $j$ to $c$, and from $c$ everyone can be reached. So $j$ is a center node too.
# *$C$ is found.* From any token outside, a path of at most $r$ steps against the arrows leads into $C$; the walk follows it with probability at least $\varepsilon^{r}$, and once inside it stays.
# So each block of $r$ layers keeps at most the share $1 - \varepsilon^{r}$ of what was outside before, and $t + 1$ layers hold $\lfloor (t+1)/r \rfloor$ blocks.
# ````
#
# ({ref}`Card <card-atlas-center-limit>`.) $P^{(t)}$ is the product of the layers' maps; {doc}`/_executed/foundations/rollout` is about it. With $r = 1$ (causal, prefix) the bound is $(1-\varepsilon)^{t+1}$. A mask *without* a center node
# is no exception but a different world: pack two documents into one sequence, forbid attention between them, and there are two sets that cannot be left.

# %% tags=["hide-input"]
cases = {
    "causal": (causal, "blue", "-"),
    f"window of {width}": (sliding_window(width), "orange", "--"),
    f"prefix of {prefix_length}": (prefix(prefix_length), "green", "-."),
}
figure, axis = plt.subplots(figsize=(7.2, 3.4))
time = torch.arange(layers)
least, at_the_end = {}, {}
for name, (mask, color, line) in cases.items():
    maps, reach = random_maps(mask, tokens, layers, logit_scale, generator), steps_to_centers(mask, tokens)
    left = outside_share(maps, mask)
    bound = log_center_bound(measured_epsilon(maps, mask), reach, layers).exp()
    margin = (bound / left).log10()
    least[name], at_the_end[name] = margin.min().item(), margin[-1].item()
    axis.semilogy(time, left, color=palette[color], linestyle=line, label=f"{name}, $r = {reach}$")
    axis.semilogy(time, bound, color=palette[color], linestyle=line, linewidth=0.8)
packed = causal & packed_documents(tokens // 2)
control = outside_share(random_maps(packed, tokens, layers, logit_scale, generator), causal)
axis.semilogy(
    time, control, color=palette["red"], marker="x", markevery=5, linestyle="none", label="control: two documents"
)
axis.set(xlabel="$t$ ($t + 1$ layers)", ylabel="share outside the center nodes", ylim=(1e-9, 3))
axis.legend(loc="center right")
assert min(least.values()) > -1e-9 and not center_nodes(packed, tokens) and control.min() == 1
figures.show(
    figure,
    name="center-limit",
    caption=rf"**Everything ends in the center nodes.** Largest share of any token's context that is still outside $C$ (heavy lines) and the bound of {{prf:ref}}`prop-center-limit` (thin lines of the same style); random logits, $N = {tokens}$. "
    rf"Margins $\log_{{10}}(\text{{bound}}/\text{{share}})$, least over all $t$ and at the last $t$: "
    + "; ".join(f"{name} {abs(least[name]):.2f} and {at_the_end[name]:.1f}" for name in cases)
    + ". Crosses: two packed documents have no center node, and the last token never hears of token 1.",
    alt="Share of context outside the center nodes against depth, on a logarithmic axis. It falls along straight lines for causal, window and prefix masks, below bounds that fall much more slowly. The control with two documents stays at one.",
)

# %% tags=["hide-input"]
margins = atlas_center_limit(graphs, generator)["margin"]
assert margins.min() > -ROUNDING
glue("center-graphs", f"{(margins > -ROUNDING).sum()} of {graphs}", display=False)

# %% [markdown]
# The same check on random graphs, in which a token may see any others and not even itself: the bound holds at every depth on {glue:text}`center-graphs`.
#
# The bounds hold, and nearly touch at first: before layer $r$ some token has not heard of $C$ at all. They cannot be improved without knowing more (two tokens with $A_{21} = \varepsilon$ attain $(1-\varepsilon)^{t+1}$), yet
# deep down they are loose, because they use the smallest weight only, once per $r$ layers. What the true rate is, is the first question of the next chapter.
#
# *Without any mask* the proposition is empty: every token is a center node, so nothing is ever outside. Depth still makes all tokens alike, but the graph prefers no position.

# %% [markdown]
# ## How many layers until token 1 has reached everyone?
#
# Information travels one edge per layer, so this is a breadth-first search. Under the causal mask the answer is one layer. A window makes it wait.
#
# ````{prf:proposition} Reach of a sliding window
# :label: prop-window-reach
#
# <span class="atlas-origin">derived here</span>
#
# Under a sliding window of width $w \ge 2$, token 1 reaches token $i$ in $\lceil (i-1)/(w-1) \rceil$ layers and no fewer. So it has reached all $N$ tokens after
#
# $$
# r = \left\lceil \frac{N-1}{w-1} \right\rceil
# $$ (eq-window-reach)
#
# layers, the $r$ in the bound of Theorem 4.2 of Wu 2025.
# ````
#
# ````{prf:proof}
# A query sees $w$ tokens, itself included, so one layer moves information by at most $w - 1$ places. It can always move by exactly that, or by less.
# ````

# %% tags=["hide-input"]
long, windows = 24, (2, 3, 4, 6, 9, 13, 24)
shown = 4
first = steps_from(sliding_window(shown), long, source=0)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1), width_ratios=[1.35, 1])
for layer in range(int(first.max()) + 1):
    reached, fresh = (first < layer).nonzero()[:, 0], (first == layer).nonzero()[:, 0]
    ahead = (first > layer).nonzero()[:, 0]
    left.scatter(ahead + 1, [layer] * len(ahead), s=14, facecolor="none", edgecolor=palette["muted"], linewidth=0.6)
    left.scatter(
        reached + 1, [layer] * len(reached), s=16, marker="s", color=palette["orange"], alpha=0.45, linewidth=0
    )
    left.scatter(fresh + 1, [layer] * len(fresh), s=22, marker="s", color=palette["orange"])
left.set(
    title=f"Heard of token 1, window of {shown}", xlabel="token", ylabel="layers", xticks=[1, *range(4, long + 1, 4)]
)
left.grid(False)
grid = range(2, long + 1)
measured = {n: [int(steps_from(sliding_window(w), n, 0).max()) for w in windows] for n in (12, 24, 96)}
for (n, found), marker, color in zip(measured.items(), "os^", ("blue", "orange", "green"), strict=True):
    right.plot(grid, [math.ceil((n - 1) / (w - 1)) for w in grid], color=palette[color], linewidth=1)
    right.plot(windows, found, marker=marker, linestyle="none", color=palette[color], label=f"$N = {n}$")
right.set(title="Layers to reach everyone", xlabel="window width $w$", yscale="log", yticks=[1, 3, 10, 30, 100])
right.set_yticklabels(["1", "3", "10", "30", "100"])
right.legend()
pairs = [(n, w) for n in range(2, 41) for w in range(2, n + 2)]
wrong = sum(int(steps_from(sliding_window(w), n, 0).max()) != math.ceil((n - 1) / (w - 1)) for n, w in pairs)
assert wrong == 0
glue("reach-wrong", f"{wrong} of {len(pairs)}", display=False)
figures.show(
    figure,
    name="window-reach",
    caption=f"**News of token 1 spreads by $w - 1$ tokens a layer.** Left: who has heard of it after each layer (filled; darker where it is new). Right: layers until everyone has, by breadth-first search (markers) and by {{eq}}`eq-window-reach` (lines). "
    f"The two differ in {wrong} of {len(pairs)} cases with $N \\le 40$.",
    alt="Left, a staircase: with every layer three more tokens have heard of token 1. Right, the number of layers falls with the window width for three sequence lengths; markers lie on the lines.",
)

# %% [markdown]
# ## What a practitioner does with it
#
# - **A window delays and does not prevent.** A stack of $L$ window layers reaches $L(w-1) + 1$ tokens. Beyond that, token 1 cannot be seen at all; well within it, token 1 wins.
# - **Keeping the first tokens visible undoes the delay.** Masks that add a few always-visible tokens to a window (to keep attention sinks alive) bring $r$ back to 1.
# - **Packing documents needs its own mask.** With the block mask each document collapses onto its own first token; without it they all collapse onto the first token of the first document.
# - **To change where attention ends, change the graph.** Let a center node attend to a later token, and that token becomes a center node, too. That is all a prefix does.

# %% [markdown]
# ## Exercises

# %% [markdown]
# ```{exercise-start} A window that keeps the first two tokens
# :label: ex-composed-mask
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# The mask `sliding_window(4) | first_two` lets every query see the last four tokens *and* tokens 1 and 2 (indices 0 and 1), for $N = 12$:
#
# ```python
# first_two = Mask("first_two", lambda query, key: key < 2)
# ```
#
# Draw it. Which are its center nodes (counted from 1), and after how many layers has every token heard from at least one of them? What would the window alone need?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ````{solution-start} ex-composed-mask
# :label: sol-composed-mask
# :class: dropdown
# ````

# %% [markdown]
# `key < 2` has no condition on the query, so token 1 may look *ahead* to token 2. Hence both reach everyone, in a single layer; token 3 cannot reach token 1. The window alone has the center node 1 and needs
# $\lceil 11/3 \rceil = 4$ layers.

# %%
from attention_atlas.exercises.foundations import check_center_nodes

first_two = Mask("first_two", lambda query, key: key < 2)
mask = sliding_window(4) | first_two
found = [node + 1 for node in center_nodes(mask, 12)]
check_center_nodes(found, layers=1, mask=mask, tokens=12)

# %% [markdown]
# ````{solution-end}
# ````

# %% [markdown]
# ```{exercise-start} How deep for a long context?
# :label: ex-layers-for-window
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# A model has a window of 4,096 tokens and reads 32,768 of them. How many layers does it need before the last token *can* depend on the first?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ````{solution-start} ex-layers-for-window
# :label: sol-layers-for-window
# :class: dropdown
# ````

# %% [markdown]
# $\lceil 32767/4095 \rceil = 9$. The tempting answer $32768/4096 = 8$ forgets that the window includes the query: eight layers end seven tokens short.

# %%
from attention_atlas.exercises.foundations import check_layers_for_window

check_layers_for_window(math.ceil(32_767 / 4_095), tokens=32_768, width=4_096)

# %% [markdown]
# ````{solution-end}
# ````

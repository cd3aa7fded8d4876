# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Under a causal mask, RoPE scores stop being purely relative
#
# RoPE is built so that a score depends on where two tokens are only through their distance. Does the score keep to that in a causal stack?
#
# In the first layer it does. From the second layer on it does not ({numref}`fig-rope-left`): the mask has made tokens that depend on their own place, and no rotation takes that back.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display
from myst_nb import glue

from attention_atlas import figures, results
from attention_atlas.drawing_recency import probability, score_map
from attention_atlas.drawing_signed import signed_map
from attention_atlas.exercises import recency_variants as exercises
from attention_atlas.experiments import recency
from attention_atlas.metrics import without_diagonal_means
from attention_atlas.positions import rope, rope_frequencies
from attention_atlas.readings import beside
from attention_atlas.theory.recency.rotary import ideal_rotary_scores, mean_rotation

figures.style()
LAYERS = (1, 2, 3, 4)
found = results.obtain(recency, profile, recency.group("rope", profile))
names = {"causal": "causal mask", "full": "no mask"}
maps, errors, ideals, recencies, configs, read = {}, {}, {}, {}, {}, []
for point in recency.group("rope", profile):
    table = found.table[found.table.point == point]
    config = configs[point] = recency.configurations(table.profile.iloc[0])[point]
    maps[point] = [recency.score_map(config, table, layer) for layer in LAYERS]
    errors[point] = [recency.score_map(config, table, layer, "standard_error") for layer in LAYERS]
    ideals[point] = list(ideal_rotary_scores(config.model))
    read.append(beside(config, table))
    recencies[point] = table["mean"][table.quantity == "recency_probability"].tolist()
before = torch.ones(config.tokens, config.tokens).tril(-1).bool()  # keys before the query, in every mask


def size(map):
    """Root mean square over the keys before the query."""
    return map[before].square().mean().sqrt().item()


left = {point: [without_diagonal_means(map) for map in stack] for point, stack in maps.items()}


def outline(axes):
    """The half of the map that a causal query may see, so that an empty panel is seen to be one."""
    end = len(before) + 0.5
    axes.plot([0.5, 0.5, end, 0.5], [0.5, end, end, 0.5], color=figures.PALETTE["muted"], linewidth=0.6)
    axes.spines[:].set_visible(False)


def say(name, value):
    glue(name, value, display=False)


# %% tags=["hide-input"]
limit = max(map[before].abs().max().item() for map in left["rope-causal-0.5"])
figure, grid = plt.subplots(2, 4, figsize=(7.2, 3.9))
for row, kind in zip(grid, names, strict=True):
    for axes, layer in zip(row, LAYERS, strict=True):
        shown = left[f"rope-{kind}-0.5"][layer - 1].masked_fill(~before, torch.nan)
        image = signed_map(axes, shown, limit=limit, corners=kind == "full" and layer == 1)
        outline(axes)
        if kind == "causal":
            axes.set_title(f"layer {layer}", fontsize=10)
    row[0].set_ylabel(f"{names[kind]}\nquery" if kind == "full" else names[kind])
grid[1, 0].set_xlabel("key", labelpad=-6)
figure.colorbar(image, ax=grid, shrink=0.7, pad=0.02, label="left of the mean score")
figures.show(
    figure,
    name="rope-left",
    caption="Mean scores of a stack with RoPE at $\\alpha = 0.5$ after the mean of every diagonal, that is of every distance, is taken off. Scores lie between −1 and 1. A purely relative score leaves nothing, as in the first layer and as in all layers without a mask.",
    alt="Two rows of four triangular maps. The upper row, with a causal mask, is empty in layer 1 and then shows a pattern: the first columns are blue, strongest at the top, and the rest is faintly orange. The lower row, without a mask, is empty in all four layers.",
    provenance=found.provenance,
)

# %% [markdown]
# The setting is that of the first version of Kim 2026 {cite}`kim2026` <span class="atlas-origin">official code</span>: 50 tokens of norm 1 in 64 dimensions, L2 normalization, raw residual, queries and keys rotated by their position (base 10,000). Its notebook has $\alpha = 0$ and $0.5$ with the causal mask, and $\alpha = 0$ without;
# $\alpha = 0.5$ without mask is <span class="atlas-origin">ours</span>. Taking off the diagonals' means is the paper's device.
#
# ## What rotation does on average
#
# ````{prf:proposition} Mean scores with RoPE
# :label: prop-rope-mean
#
# <span class="atlas-origin">derived here</span> Let the law of the tokens not change when all are turned by one orthogonal matrix, nor when tokens change places. Then the mean scores of layer 1 are, up to the common factor,
#
# $$
# \mathbb E\, S_{ij} = F_{i-j}\; \mathbb E \cos(x_i, x_j) , \qquad F_m = \frac 2d \sum_{l=1}^{d/2} \cos(m\,\theta_l) ,
# $$ (eq-rope-mean)
#
# which is a function of $i-j$ alone, with any mask.
# ````
#
# ````{prf:proof}
# Let $x, y$ be the normalized tokens and $E = \mathbb E\, y x^\top$. Turning both by $O$ changes nothing, so $OEO^\top = E$ for every orthogonal $O$. Only multiples of the identity do that, and the trace says which: $E = \frac1d\, \mathbb E\langle x, y\rangle\, I$. Hence
# $\mathbb E \langle R_i x, R_j y\rangle = \mathrm{tr}(R_i^\top R_j E) = \frac1d \mathrm{tr}(R_{j-i})\, \mathbb E\langle x, y\rangle$, and each pair of coordinates adds $2\cos((i-j)\theta_l)$ to the trace. Tokens can change places, so $\mathbb E\cos(x_i, x_j)$ is the same for all pairs.
# ````
#
# The mask only hides entries of layer 1. It enters through the mixing: token $i$ leaves the layer as a mean of $i$ tokens. How long that mean is and how it lies to another one depends on $i$ and $j$, not on $i-j$ ({prf:ref}`prop-falling-norm`, {prf:ref}`prop-flat-inner`). If we leave out that weights and vectors depend on each other,
# later layers obey {eq}`eq-rope-mean` with the tokens' own mean cosines: *scores of the stack without positions, times a function of the distance*, with weights to match. This is an approximation <span class="atlas-origin">derived here</span>; we compare it below.
#
# ## How much is left
#
# A mean over a finite number of sequences is never exactly relative. How much would noise leave? If the mean scores have the standard errors $\sigma_{ij}$ and no true deviation, the expected mean square of what is left is at most the mean of $\sigma_{ij}^2$, however the errors depend on each other: taking off a mean can only lower a
# sum of squares. We call the root of it the *floor*. By the triangle inequality it is also a bound on the standard error of the measured value <span class="atlas-origin">derived here</span>.

# %% tags=["hide-input"]
styles = {
    ("causal", 0.5): ("blue", "o", "-"),
    ("causal", 0.0): ("orange", "s", "-"),
    ("full", 0.5): ("green", "^", "--"),
    ("full", 0.0): ("purple", "D", "--"),
}
figure, axes = plt.subplots(figsize=(7.2, 3.6))
lines = [
    "| | layer | left (RMS) | floor | predicted | share of variation | RP |",
    "|:--|--:|--:|--:|--:|--:|--:|",
]
floors, ratios = [], []
for (kind, alpha), (color, marker, line) in styles.items():
    point = f"rope-{kind}-{alpha}"
    measured = [size(map) for map in left[point]]
    floor = [size(error) for error in errors[point]]
    predicted = [size(without_diagonal_means(map)) for map in ideals[point]]
    shade, label = figures.PALETTE[color], f"{names[kind]}, $\\alpha = {alpha:g}$"
    axes.plot(LAYERS, measured, line, color=shade, marker=marker, label=label)
    if kind == "causal":
        guess = axes.plot(LAYERS[1:], predicted[1:], "x", color=figures.PALETTE["ink"], markersize=9, zorder=5)
        ratios += [a / b for a, b in zip(measured[1:], floor[1:], strict=True)]
    floors += floor
    for layer in LAYERS:
        values = maps[point][layer - 1][before]
        share = (left[point][layer - 1][before].square().sum() / (values - values.mean()).square().sum()).item()
        share = f"{100 * share:.1f} %" if measured[layer - 1] > 2 * floor[layer - 1] else "noise"
        lines.append(
            f"| {label if layer == 1 else ''} | {layer} | {measured[layer - 1]:.5f} | {floor[layer - 1]:.5f} | "
            f"{predicted[layer - 1]:.5f} | {share} | {probability(recencies[point][layer - 1])} |"
        )
axes.axhspan(min(floors), max(floors), color=figures.PALETTE["muted"], alpha=0.25, linewidth=0)
guess[0].set_label("predicted")
axes.annotate("floor", (2.4, max(floors) * 1.12), color=figures.PALETTE["muted"], fontsize=9.5)
axes.set(xlabel="layer", ylabel="left without the diagonals' means\n(root mean square)", yscale="log", xticks=LAYERS)
axes.legend(loc="center right", ncols=1)
figures.show(
    figure,
    name="rope-violation",
    caption="What is left of the mean scores, root mean square over all keys before the query. Crosses: predicted. Gray: the floor, the most that noise leaves on average. Layer 1 is purely relative by {prf:ref}`prop-rope-mean` and shows what noise really leaves.",
    alt="On a logarithmic axis the two causal curves jump from the floor in layer 1 to some fifty times as much in layer 2 and stay there, on the crosses of the prediction. The two curves without a mask stay at or below the floor in all layers.",
    provenance=found.provenance,
)

# %% tags=["hide-input"]
display(Markdown("\n".join(lines)))
some = configs["rope-causal-0.5"]
say("rope-violation-sequences", f"{some.sequences:,}")
say("rope-violation-least", f"{min(ratios):.0f}")
say("rope-violation-most", f"{max(ratios):.0f}")
edges = [size(without_diagonal_means(map)) for alpha in (0.0, 0.5) for map in ideals[f"rope-full-{alpha}"][1:]]
say("rope-violation-edges", f"{max(edges) * 1e5:.1f}")
say("rope-violation-edges-factor", f"{size(errors['rope-full-0.5'][1]) / max(edges):.0f}")
worst = max(
    size(map) / size(error)
    for a in (0.0, 0.5)
    for map, error in zip(left[f"rope-full-{a}"], errors[f"rope-full-{a}"], strict=True)
)
say("rope-violation-full", f"{worst:.2f}")
largest = left["rope-causal-0.5"][3]
say("rope-violation-largest", f"{largest[before].abs().max():.2f}")
gaps = [
    abs(size(a) / size(without_diagonal_means(b)) - 1)
    for alpha in (0.0, 0.5)
    for a, b in list(zip(left[f"rope-causal-{alpha}"], ideals[f"rope-causal-{alpha}"], strict=True))[1:]
]
say("rope-violation-gap", f"{100 * max(gaps):.0f}")
for kind in names:
    for alpha in (0.0, 0.5):
        say(f"rope-rp-{kind}-{10 * alpha:.0f}", probability(recencies[f"rope-{kind}-{alpha}"][-1]))
say("rope-rp-one", probability(recencies["rope-causal-0.5"][0]))

# %% [markdown]
# RMS is the root mean square over the keys before the query; the share is that of the squared deviations from the map's own mean. *With the causal mask* what is left in layers 2 to 4 is {glue:text}`rope-violation-least` to {glue:text}`rope-violation-most` times the floor ({glue:text}`rope-violation-sequences` sequences). The prediction that multiplies mean cosines by $F$ is within {glue:text}`rope-violation-gap` % of its size. At $\alpha = 0.5$ single scores deviate by up to {glue:text}`rope-violation-largest`.
# In layer 2 of isotropic tokens much of what structure there is depends on more than the distance.
#
# *Without a mask* nothing is left above the floor: the largest ratio is {glue:text}`rope-violation-full`. Is there really nothing? Not quite. A sequence has two ends, and near an end a token has neighbors on one side only. From layer 2 on this makes scores depend on the place as well. The prediction puts it at
# {glue:text}`rope-violation-edges` · 10⁻⁵ at most, {glue:text}`rope-violation-edges-factor` times below the floor. What the prediction leaves out may be larger, but the two together stay below the floor as well: edges break relativity in principle, the causal mask breaks it in practice.
#
# The recency probability cannot tell the two apart. RoPE prefers near keys by itself, once tokens share a direction ({glue:text}`rope-rp-one` in layer 1 at $\alpha = 0.5$), and both kinds of stack end with a preference in layer 4: {glue:text}`rope-rp-causal-5` with and {glue:text}`rope-rp-full-5` without the mask at $\alpha = 0.5$, {glue:text}`rope-rp-causal-0` and
# {glue:text}`rope-rp-full-0` at $\alpha=0$. The mask adds to it. Why do even isotropic tokens get a preference from RoPE in the end? $F$ acts on what tokens share. At first that is nothing, but every layer that averages gives them something in common.
#
# ## The maps

# %% tags=["hide-input"]


def show_maps(kind, name, caption, alt):
    figure, grid = plt.subplots(4, 4, figsize=(7.2, 8.4))
    for place, alpha in enumerate((0.0, 0.5)):
        point = f"rope-{kind}-{alpha}"
        limit = max(max(map[before].abs().max().item() for map in left[point][1:]), 4 * max(floors))
        for layer in LAYERS:
            upper, lower = grid[2 * place, layer - 1], grid[2 * place + 1, layer - 1]
            score_map(
                upper,
                maps[point][layer - 1],
                recency=recencies[point][layer - 1],
                least_range=6 * errors[point][layer - 1][before].max().item(),
                labels=False,
            )
            image = signed_map(lower, left[point][layer - 1], limit=limit, corners=False)
            if kind == "causal":
                outline(lower)
            if not place:
                upper.set_title(f"layer {layer}", fontsize=10, pad=16 if kind == "full" else 4)
        grid[2 * place, 0].set_ylabel(f"$\\alpha = {alpha:g}$\nscore")
        grid[2 * place + 1, 0].set_ylabel("without diagonal means")
        figure.colorbar(image, ax=grid[2 * place + 1, :], shrink=0.85, pad=0.01)
    figures.show(figure, name=name, caption=caption, alt=alt, provenance=found.provenance)


show_maps(
    "causal",
    "rope-maps-causal",
    "Causal mask. Mean scores (the diagonal, always 1, left out of the colors; own range each) and the same without the diagonals' means (orange: more than usual at this distance, blue: less; one range per row).",
    "Four rows of triangular maps. Scores: bands along the diagonal in layer 1 at alpha 0.5; later layers have the bands bent. Without diagonal means: empty in layer 1; at alpha 0 orange for early rows in layer 2 and blue in the first columns of layer 4, at alpha 0.5 blue in the first columns from layer 2 on.",
)

# %% tags=["hide-input"]
show_maps(
    "full",
    "rope-maps-full",
    "The same without a mask. The ranges of the rows without diagonal means end at four times the floor.",
    "Four rows of square maps. Scores are bands along the diagonal in all layers; without diagonal means there is nothing but faint noise.",
)
rotation = mean_rotation(50, 64)[:, 0]
off = [(frame.official - frame.ours).abs() for frame in read]
fits = [(a <= frame.allowed).tolist() for a, frame in zip(off, read, strict=True)]
say("rope-read-count", f"{sum(map(len, fits))}")
say("rope-read-fits", f"{sum(map(sum, fits))}")
say("rope-read-worst", f"{max(a.max() for a in off if len(a)):.4f}")
say("rope-mean-10", f"{rotation[10]:.2f}")
say("rope-mean-49", f"{rotation[49]:.2f}")

# %% [markdown]
# *Beside the paper.* The official figures of the scores can be read by their colors, to 1/512. Of {glue:text}`rope-read-count` scores that we read off the three of them, {glue:text}`rope-read-fits` agree with ours within that and four standard errors of the difference; the largest difference is {glue:text}`rope-read-worst`.
# The official maps without diagonal means have a scale each, which their images do not carry; we did not read those.
#
# The bands of layer 1 are $F$: it falls to {glue:text}`rope-mean-10` at distance 10 and to {glue:text}`rope-mean-49` at distance 49. Under the mask they bend.
#
# *At $\alpha = 0.5$ the first keys score less than is usual at their distance.* They have averaged few tokens, are long, and lose by normalization: this is the recency of the stack without positions, seen through $F$.
#
# *At $\alpha = 0$ layer 2 shows something else:* early queries score more than usual. Two early tokens are means of a few tokens and share large pieces; $\langle o_i, o_j\rangle$ falls with $i$ like $1/D_i$ ({prf:ref}`prop-flat-inner`). At $\alpha = 0.5$ the common direction outweighs this. By layer 4 there is a common direction
# at $\alpha = 0$ too, and the first column has turned.
#
# Either way a query could tell its place from what is left, with nothing but relative positions put in. A diagonal with few entries cannot show much: the last query's score on the first key is alone on its diagonal and always leaves zero.
#
# ## Does the convention matter?
#
# The official code takes its rotation from Llama, which pairs coordinate $l$ with $l + d/2$; ours pairs neighbors, as the formula is usually printed. For this simulation it cannot matter <span class="atlas-origin">derived here</span>. The two differ by the order of the coordinates: half-split scores of $x$ are interleaved scores of $x$ reordered. Normalizing,
# mixing and adding the residual do not care about the order, and the law of the tokens does not change when coordinates change places. So all means of all layers are the same.


# %%
def half_split(x, frequencies):
    """Rotary positions as Llama has them."""
    angles = torch.arange(x.shape[-2])[:, None] * frequencies
    first, second = x.chunk(2, -1)
    return torch.cat([first * angles.cos() - second * angles.sin(), first * angles.sin() + second * angles.cos()], -1)


frequencies = rope_frequencies(64)
x = torch.randn(50, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
order = torch.arange(64).view(2, 32).T.flatten()  # 0, 32, 1, 33, ...
theirs, ours = half_split(x, frequencies), rope(x[:, order], frequencies)
print(f"largest difference of the scores: {(theirs @ theirs.T - ours @ ours.T).abs().max():.0e}")

# %% [markdown]
# It does matter to a trained model, whose weights have learned one order: load them with the other and the scores are wrong.
#
# ## What to do with it
#
# - Do not conclude from relative positions in a model's input that its scores are relative. Under a causal mask they are so in the first layer only.
# - To see what is *not* relative in a head, take off the mean of every diagonal and compare the rest with its floor. Without the floor one would read patterns into noise.
# - The deviation is largest for the first keys and queries. Where that matters, look at the first few dozen tokens.
#
# The stack has no weights, and its tokens no order of their own. Text is not like that: in a trained model content that depends on the place would be left over as well.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Take off the diagonals
# :label: ex-rope-left-over
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 10 minutes
#
# Four tokens, $S_{ij} = 1/(i-j) + i$ for $j < i$, counted from 1. Take off every diagonal's mean. What is the root mean square of the six entries that are left?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-rope-left-over
# :class: dropdown
# :label: sol-rope-left-over
# ```

# %% [markdown]
# The first part is the same along a diagonal and goes. Of the second the diagonals keep $-1, 0, 1$, then $-\tfrac12, \tfrac12$, then $0$.

# %%
rest = without_diagonal_means(exercises.relative_plus_query())
print(exercises.check_left_over(rest[~rest.isnan()].square().mean().sqrt().item()))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} From Llama's order to ours
# :label: ex-rope-half-split
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# A vector of 8 coordinates has half-split pairs $(0,4), (1,5), (2,6), (3,7)$. Give the list `order` for which `x[..., order]` has them as interleaved pairs $(0,1), (2,3), \dots$, each with its own frequency.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-rope-half-split
# :class: dropdown
# :label: sol-rope-half-split
# ```

# %% [markdown]
# Place $2l$ takes coordinate $l$, place $2l+1$ takes $l + 4$.

# %%
print(exercises.check_half_split([place // 2 + 4 * (place % 2) for place in range(8)]))

# %% [markdown]
# ```{solution-end}
# ```

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
# RoPE is built so that the place of two tokens enters their score through their distance alone. Does a causal stack keep to that?
#
# In the first layer it does. From the second layer on it does not ({numref}`fig-rope-left`): the mask has made tokens that depend on their own place, and no rotation takes that back.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd
import torch
from IPython.display import Markdown, display

from attention_atlas import figures
from attention_atlas.drawing.recency import score_map
from attention_atlas.drawing.signed import signed_map
from attention_atlas.exercises import recency_variants as exercises
from attention_atlas.experiments import recency
from attention_atlas.metrics import without_diagonal_means
from attention_atlas.outcomes.readings import LEVELS, beside
from attention_atlas.outcomes.recency_points import Points
from attention_atlas.positions import rope, rope_frequencies, rope_half_split
from attention_atlas.relativity import earlier, fitted_factor, left_over
from attention_atlas.theory.recency.rotary import ideal_rotary_scores, mean_rotation
from attention_atlas.wording import probability, say, short

figures.style()
LAYERS = (1, 2, 3, 4)
names = {"causal": "causal mask", "full": "no mask"}
points = Points(recency.group("rope", profile), profile)
maps = {name: torch.stack([points.score_map(name, layer) for layer in LAYERS]) for name in points.configs}
errors = {
    name: torch.stack([points.score_map(name, layer, "standard_error") for layer in LAYERS]) for name in points.configs
}
left = {name: [without_diagonal_means(map) for map in stack] for name, stack in maps.items()}
measured = {
    name: left_over(maps[name], errors[name], ideal_rotary_scores(config.model)).set_index("layer")
    for name, config in points.configs.items()
}
floors = [value for table in measured.values() for value in table["floor"]]
tokens = len(maps["rope-causal-0.5"][0])
hidden = torch.ones(tokens, tokens).triu().bool()  # keys at and after the query


def outline(axes):
    """The half of the map that a causal query may see, so that an empty panel is seen to be one."""
    axes.plot([0.5, 0.5, tokens + 0.5, 0.5], [0.5, *[tokens + 0.5] * 2, 0.5], color=figures.PALETTE["muted"], lw=0.6)
    axes.spines[:].set_visible(False)


# %% tags=["hide-input"]
limit = max(earlier(map).abs().max().item() for map in left["rope-causal-0.5"])
figure, grid = plt.subplots(2, 4, figsize=(7.2, 3.9))
for row, kind in zip(grid, names, strict=True):
    for axes, layer in zip(row, LAYERS, strict=True):
        shown = left[f"rope-{kind}-0.5"][layer - 1].masked_fill(hidden, torch.nan)
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
    caption=f"Mean scores of a stack with RoPE at $\\alpha = 0.5$ ({points.sequences} sequences) after the mean of every diagonal, that is of every distance, is taken off. Scores lie between −1 and 1. A purely relative score leaves nothing, as in the first layer and as in all layers without a mask.",
    alt="Two rows of four triangular maps. The upper row, with a causal mask, is empty in layer 1 and then shows a pattern: the first columns are blue, strongest at the top, and the rest is faintly orange. The lower row, without a mask, is empty in all four layers.",
    provenance=points.provenance,
)

# %% [markdown]
# The setting is that of the first version of Kim 2026 {cite}`kim2026` <span class="atlas-origin">official code</span>: 50 tokens of norm 1 in 64 dimensions, L2 normalization, raw residual, queries and keys rotated by their position (base 10,000). Its notebook has $\alpha = 0$ and $0.5$ with the causal mask, and $\alpha = 0$ without;
# $\alpha = 0.5$ without mask is <span class="atlas-origin">ours</span>. Taking off the diagonals' means is a device of that code.
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
# *The check* is on this page, there is no card for it. In layer 1 fit $F$ to the {glue:text}`rope-mean-pairs` mean scores by one number, the mean cosine: it is {glue:text}`rope-mean-cosine-5` at $\alpha=0.5$, and {glue:text}`rope-mean-cosine-0` at $\alpha = 0$, where it should be 0. The scores miss the fit by a root mean square of {glue:text}`rope-mean-rms-5` and
# {glue:text}`rope-mean-rms-0` standard errors, at most by {glue:text}`rope-mean-most-5` and {glue:text}`rope-mean-most-0`. $F$ itself is tested against rotated vectors.
#
# The mask only hides entries of layer 1. It enters through the mixing: token $i$ leaves the layer as a mean of $i$ tokens. How long that mean is and how it lies to another one depends on $i$ and $j$, not on $i-j$ ({prf:ref}`prop-falling-norm`, {prf:ref}`prop-flat-inner`). If we leave out that weights and vectors depend on each other,
# later layers obey {eq}`eq-rope-mean` with the tokens' own mean cosines: *scores of the stack without positions, times a function of the distance*, with weights to match. This is an approximation <span class="atlas-origin">derived here</span>; we compare it below.
#
# ## How much is left
#
# A mean over a finite number of sequences is never exactly relative. How much would noise leave? If the mean scores have the standard errors $\sigma_{ij}$ and no true deviation, the expected mean square of what is left is at most the mean of $\sigma_{ij}^2$, however the errors depend on each other: taking off a mean can only lower a
# sum of squares. We call the root of it the *floor*. By the triangle inequality it also bounds the root mean square error of the measured value <span class="atlas-origin">derived here</span>.

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
for (kind, alpha), (color, marker, line) in styles.items():
    table, label = measured[f"rope-{kind}-{alpha}"], f"{names[kind]}, $\\alpha = {alpha:g}$"
    curve = points.recency(f"rope-{kind}-{alpha}")["mean"]
    axes.plot(table["left"], line, color=figures.PALETTE[color], marker=marker, label=label)
    if kind == "causal":
        guess = axes.plot(table["predicted"][1:], "x", color=figures.PALETTE["ink"], markersize=9, zorder=5)
    for layer, row in table.iterrows():
        share = f"{100 * row['share']:.1f} %" if row["left"] > 2 * row["floor"] else "noise"
        lines.append(
            f"| {label if layer == 1 else ''} | {layer} | {row['left']:.5f} | {row['floor']:.5f} | "
            f"{row['predicted']:.5f} | {share} | {probability(curve[layer])} |"
        )
causal = pd.concat([measured[f"rope-causal-{alpha}"].loc[2:] for alpha in (0.0, 0.5)])
full = pd.concat([measured[f"rope-full-{alpha}"] for alpha in (0.0, 0.5)])
ratios = causal["left"] / causal["floor"]
axes.axhspan(min(floors), max(floors), color=figures.PALETTE["muted"], alpha=0.25, linewidth=0)
guess[0].set_label("predicted")
axes.annotate("floor", (2.4, max(floors) * 1.12), color=figures.PALETTE["muted"], fontsize=9.5)
axes.set(xlabel="layer", ylabel="left without the diagonals' means\n(root mean square)", yscale="log", xticks=LAYERS)
axes.legend(loc="center right", ncols=1)
figures.show(
    figure,
    name="rope-violation",
    caption=f"What is left of the mean scores, root mean square over all keys before the query, {points.sequences} sequences. Crosses: predicted. Gray: the floor, the most that noise leaves on average. Layer 1 is purely relative by {{prf:ref}}`prop-rope-mean` and shows what noise really leaves.",
    alt=f"On a logarithmic axis the two causal curves jump from the floor in layer 1 to {ratios.min():.0f} times the floor and more in layer 2 and stay up there, on the crosses of the prediction. The two curves without a mask stay at or below the floor in all layers.",
    provenance=points.provenance,
)

# %% tags=["hide-input"]
display(Markdown("\n".join(lines)))
say("rope-violation-least", f"{ratios.min():.0f}")
say("rope-violation-most", f"{ratios.max():.0f}")
say("rope-violation-gap", f"{100 * (causal['left'] / causal['predicted'] - 1).abs().max():.0f}")
say("rope-violation-full", f"{(full['left'] / full['floor']).max():.2f}")
say("rope-violation-edges", short(full["predicted"].max()))
say("rope-violation-edges-factor", f"{(full['floor'] / full['predicted'])[full['predicted'] > 0].min():.0f}")
say("rope-violation-largest", f"{earlier(left['rope-causal-0.5'][3]).abs().max():.2f}")
say("rope-violation-share", f"{100 * measured['rope-causal-0.0'].loc[2, 'share']:.0f}")
for kind, alpha in styles:
    say(f"rope-rp-{kind}-{10 * alpha:.0f}", probability(points.recency(f"rope-{kind}-{alpha}")["mean"][4]))
say("rope-rp-one", probability(points.recency("rope-causal-0.5")["mean"][1]))
for alpha in (0.0, 0.5):
    name = f"rope-causal-{alpha}"
    cosine, missed = fitted_factor(maps[name][0], errors[name][0], mean_rotation(tokens, 64))
    say(f"rope-mean-cosine-{10 * alpha:.0f}", short(cosine) if abs(cosine) < 0.01 else probability(cosine))
    say(f"rope-mean-rms-{10 * alpha:.0f}", f"{missed.square().mean().sqrt():.2f}")
    say(f"rope-mean-most-{10 * alpha:.0f}", f"{missed.abs().max():.1f}")
say("rope-mean-pairs", f"{len(missed):,}")

# %% [markdown]
# RMS is the root mean square over the keys before the query; the share is that of the squared deviations from the map's own mean. *With the causal mask* what is left in layers 2 to 4 is {glue:text}`rope-violation-least` to {glue:text}`rope-violation-most` times the floor. The prediction that multiplies mean cosines by $F$ is within {glue:text}`rope-violation-gap` % of its size. At $\alpha = 0.5$ single scores of layer 4 deviate by up to {glue:text}`rope-violation-largest`.
# In layer 2 of isotropic tokens {glue:text}`rope-violation-share` % of the variation is no function of the distance.
#
# *Without a mask* nothing is left above the floor: the largest ratio is {glue:text}`rope-violation-full`. Is there really nothing? Not quite. A sequence has two ends, and near an end a token has neighbors on one side only. From layer 2 on this makes scores depend on the place as well. The prediction puts it at
# {glue:text}`rope-violation-edges` at most, at least {glue:text}`rope-violation-edges-factor` times below the floor. What the prediction leaves out may be larger, but the two together stay below the floor: edges break relativity in principle, the causal mask breaks it in practice.
#
# The recency probability cannot tell the two apart. RoPE prefers near keys by itself once tokens share a direction ({glue:text}`rope-rp-one` in layer 1 at $\alpha = 0.5$), and both kinds of stack end with a preference in layer 4: with and without the mask {glue:text}`rope-rp-causal-5` and {glue:text}`rope-rp-full-5` at $\alpha = 0.5$, {glue:text}`rope-rp-causal-0` and
# {glue:text}`rope-rp-full-0` at $\alpha=0$. Why do even isotropic tokens get a preference from RoPE in the end? $F$ acts on what tokens share. At first that is nothing, but every layer that averages gives them something in common.
#
# ## The maps

# %% tags=["hide-input"]


def show_maps(kind, name, caption, alt):
    """Scores, and what is left of them, of both alphas in four layers."""
    figure, grid = plt.subplots(4, 4, figsize=(7.2, 8.4))
    for place, alpha in enumerate((0.0, 0.5)):
        point = f"rope-{kind}-{alpha}"
        limit = max(max(earlier(map).abs().max().item() for map in left[point][1:]), 4 * max(floors))
        for layer, upper, lower in zip(LAYERS, *grid[2 * place : 2 * place + 2], strict=True):
            score_map(
                upper,
                maps[point][layer - 1],
                recency=points.recency(point)["mean"][layer],
                least_range=6 * earlier(errors[point][layer - 1]).max().item(),
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
    figures.show(figure, name=name, caption=caption, alt=alt, provenance=points.provenance)


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
    "The same without a mask. The ranges of the rows without diagonal means end at four times the floor, or at the largest value of layers 2 to 4 if that is more.",
    "Four rows of square maps. Scores are bands along the diagonal in all layers; without diagonal means there is nothing but faint noise.",
)
read = pd.concat([beside(points.configs[name], points.tables[name]) for name in points.configs])
off = (read["official"] - read["ours"]).abs()
say("rope-read-count", f"{len(read)}")
say("rope-read-fits", f"{(off <= read['allowed']).sum()}")
say("rope-read-worst", f"{off.max():.4f}")
say("rope-read-level", f"1/{2 * LEVELS}")
rotation = mean_rotation(tokens, 64)[:, 0]
for distance in (10, 49):
    say(f"rope-mean-{distance}", f"{rotation[distance]:.2f}")

# %% [markdown]
# *Beside the paper.* The official figures of the scores can be read by their colors, to {glue:text}`rope-read-level`. Of {glue:text}`rope-read-count` scores that we read off the three of them, {glue:text}`rope-read-fits` agree with ours within that and four standard errors of the difference; the largest difference is {glue:text}`rope-read-worst`.
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
# The official code takes its rotation from Llama, which pairs coordinate $l$ with $l + d/2$ <span class="atlas-origin">official code</span>; `rope` of this book pairs neighbors, `rope_half_split` is the other convention. For this simulation it cannot matter <span class="atlas-origin">derived here</span>. The two differ by the order of the coordinates: half-split scores of $x$ are interleaved scores of $x$ reordered. Normalizing,
# mixing and adding the residual do not care about the order, and the law of the tokens does not change when coordinates change places. So all means of all layers are the same.

# %%
frequencies = rope_frequencies(64)
x = torch.randn(50, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
order = torch.arange(64).view(2, 32).T.flatten()  # 0, 32, 1, 33, ...
theirs, ours = rope_half_split(x, frequencies), rope(x[:, order], frequencies)
print(f"largest difference of the scores: {(theirs @ theirs.T - ours @ ours.T).abs().max():.0e}")

# %% [markdown]
# It does matter to a trained model, whose weights have learned one order: load them with the other and the scores are wrong.
#
# ## What to do with it
#
# - Do not conclude from relative positions that scores are relative. Under a causal mask they are so in the first layer only.
# - To see what is *not* relative in a head, take off the mean of every diagonal and compare the rest with its floor. Without the floor one reads patterns into noise.
# - The deviation is largest for the first keys and queries. Look there first.
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

# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Which part of LayerNorm does it?
#
# LayerNorm centers a token, gives all tokens one length, and through that length sets how sharp attention is. Which of the three turns the early bias of a causal stack into recency?
#
# Take the parts one by one ({numref}`fig-norms-which`). *None* leaves the tokens alone, *RMSNorm* only scales to norm $\sqrt d$, *LayerNorm* centers as well, and *L2* scales to norm 1, as in the first version of Kim 2026 {cite}`kim2026`.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed
tokens: int = 10  # sequence length in the closed form

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display
from myst_nb import glue

from attention_atlas import figures, results
from attention_atlas.drawing_recency import score_maps
from attention_atlas.exercises import recency_variants as exercises
from attention_atlas.experiments import recency
from attention_atlas.readings import LEVELS, beside
from attention_atlas.theory.recency.closed_form import effective_residual, predicted_scores, recency_effect

figures.style()


def say(name, value):
    glue(name, value, display=False)


def obtain(*groups):
    return results.obtain(recency, profile, [point for name in groups for point in recency.group(name, profile)])


def series(found, point):
    """Recency probability by layer, with its standard error."""
    table = found.table
    table = table[(table.point == point) & (table.quantity == "recency_probability")]
    return table.set_index("layer")[["mean", "standard_error"]].astype(float)


def at(found, point, layer):
    return series(found, point)["mean"].loc[layer]


# %% tags=["hide-input"]
kinds = {
    "L2": ("l2", "purple", "D", "-."),
    "RMSNorm": ("rmsnorm", "orange", "s", "--"),
    "LayerNorm": ("layernorm", "blue", "o", "-"),
    "none": ("none", "green", "^", "-"),
}
norms = obtain("norm")
figure, grid = plt.subplots(2, 2, figsize=(7.2, 5.6), sharex=True, sharey=True)
for row, alpha in zip(grid, (0.0, 0.5), strict=True):
    for axes, d in zip(row, (16, 64), strict=True):
        for label, (norm, color, marker, line) in kinds.items():
            curve = series(norms, f"norm-d{d}-{norm}-{alpha}")["mean"]
            large = 8 if norm == "rmsnorm" else 4
            axes.plot(curve, line, color=figures.PALETTE[color], marker=marker, markersize=large, label=label)
        axes.axhline(0.5, color=figures.PALETTE["line"], linewidth=0.8)
        axes.set(ylim=(-0.03, 1.03), title=f"$d = {d}$, $\\alpha = {alpha:g}$")
grid[0, 1].legend(loc="center right", bbox_to_anchor=(1.0, 0.73), ncols=2, fontsize=9)
for axes in grid[1]:
    axes.set_xlabel("layer")
for axes in grid[:, 0]:
    axes.set_ylabel("recency probability")
sizes = {p: recency.configurations(p)["norm-d16-none-0.0"].sequences for p in set(norms.table.profile)}
count = min(sizes[p] for p in set(norms.table.profile))
figures.show(
    figure,
    name="norms-which",
    caption=f"Recency probability of eight layers without residual, {count:,} sequences of 10 tokens. Equal length is what makes recency: without scaling the curves fall, with scaling none does. LayerNorm and RMSNorm lie on each other. L2 has it even for isotropic tokens.",
    alt="Four panels. Without normalization the curve falls from one half towards zero. LayerNorm and RMSNorm coincide: flat at one half for alpha 0 and 64 dimensions, rising otherwise. L2 rises to one within four layers everywhere.",
    provenance=norms.provenance,
)
for d in (16, 64):
    for alpha in (0.0, 0.5):
        for norm in ("none", "layernorm", "rmsnorm", "l2"):
            for layer in (2, 3, 4, 8):
                say(
                    f"norms-{norm}-{d}-{alpha:g}-{layer}".replace(".", "p"),
                    f"{at(norms, f'norm-d{d}-{norm}-{alpha}', layer):.4f}",
                )
    ln, rms = (series(norms, f"norm-d{d}-{norm}-0.5").loc[4] for norm in ("layernorm", "rmsnorm"))
    say(f"norms-centering-{d}", f"{rms['mean'] - ln['mean']:+.4f}")
    say(f"norms-centering-error-{d}", f"{math.hypot(rms.standard_error, ln.standard_error):.4f}")

# %% [markdown]
# ## Not the centering
#
# {prf:ref}`prop-gram-reduction` settles this without a simulation <span class="atlas-origin">derived here</span>. Centering commutes with mixing and with the residual, so it needs to be done once, before the first layer. What remains of LayerNorm in $d$ dimensions is RMSNorm in $d-1$ dimensions, with the norm $\sqrt d$. Likewise, a layer that only centers
# is a layer without normalization in $d-1$ dimensions, and has the early bias.
#
# So the difference of LayerNorm and RMSNorm <span class="atlas-origin">ours</span> is that of one dimension in $d$. In layer 4 at $\alpha = 0.5$ RMSNorm's recency probability is higher by {glue:text}`norms-centering-16` ± {glue:text}`norms-centering-error-16` at $d=16$ and by
# {glue:text}`norms-centering-64` ± {glue:text}`norms-centering-error-64` at $d=64$.
#
# ## The scaling
#
# | layer 4, no residual | $d=16$, $\alpha=0$ | $d=16$, $\alpha=.5$ | $d=64$, $\alpha=0$ | $d=64$, $\alpha=.5$ |
# |:--|--:|--:|--:|--:|
# | none | {glue:text}`norms-none-16-0-4` | {glue:text}`norms-none-16-0p5-4` | {glue:text}`norms-none-64-0-4` | {glue:text}`norms-none-64-0p5-4` |
# | LayerNorm | {glue:text}`norms-layernorm-16-0-4` | {glue:text}`norms-layernorm-16-0p5-4` | {glue:text}`norms-layernorm-64-0-4` | {glue:text}`norms-layernorm-64-0p5-4` |
# | RMSNorm | {glue:text}`norms-rmsnorm-16-0-4` | {glue:text}`norms-rmsnorm-16-0p5-4` | {glue:text}`norms-rmsnorm-64-0-4` | {glue:text}`norms-rmsnorm-64-0p5-4` |
# | L2 | {glue:text}`norms-l2-16-0-4` | {glue:text}`norms-l2-16-0p5-4` | {glue:text}`norms-l2-64-0-4` | {glue:text}`norms-l2-64-0p5-4` |
#
# *Verdict: scaling to equal length is what does it.* A later token is a mean of more vectors and therefore shorter; to divide by its length raises all scores that it takes part in as a key ({prf:ref}`prop-layer-two`). Without the division the short, late tokens lose.
#
# ## The temperature
#
# L2 differs from RMSNorm in one number. Both score by cosines; RMSNorm multiplies them by $\sqrt d$, L2 by 1. Call this factor $\tau$. In the proof of {prf:ref}`prop-falling-norm` $\sqrt d$ appears nowhere else than in $u = e^{\tau}$ and $v = e^{\alpha\tau}$, so every formula of that page holds for L2 with $\tau = 1$, that is with "$d = 1$" whatever $d$ is
# <span class="atlas-origin">derived here</span>. The effect, for $(j-1)\,e^{-(1-\alpha)\tau} \ll 1$, is
#
# $$
# \frac{S_{ij}}{S_{i1}} - 1 \;\approx\; (1-\alpha)\,(j-1)\,e^{-(1-\alpha)\tau} .
# $$ (eq-norms-temperature)
#
# Sharp attention mostly copies the token itself, and a copy is not shorter. Soft attention averages more.

# %% tags=["hide-input"]
squares = [1, 2, 3, 4, 6, 9, 12, 16, 20, 25, 30, 36, 42, 49, 56, 64, 81, 100, 144, 196, 256]
marked = {1: "L2", 16: "$d=16$", 64: "$d=64$", 256: "$d=256$"}
figure, axes = plt.subplots(figsize=(7.2, 3.3))
for alpha, color, marker in ((0.0, "blue", "o"), (0.5, "orange", "s"), (0.8, "green", "^")):
    effect = {d: recency_effect(tokens, d, alpha)[-2].item() for d in squares}
    shade = figures.PALETTE[color]
    axes.semilogy([math.sqrt(d) for d in squares], list(effect.values()), color=shade, label=f"$\\alpha = {alpha:g}$")
    axes.semilogy([math.sqrt(d) for d in marked], [effect[d] for d in marked], marker, color=shade)
for d, name in marked.items():
    axes.axvline(math.sqrt(d), color=figures.PALETTE["line"], linewidth=0.8, linestyle=":")
    axes.annotate(name, (math.sqrt(d) + 0.1, 5), fontsize=9.5, color=figures.PALETTE["muted"])
axes.set(
    xlabel="temperature factor $\\tau$: what a cosine is multiplied by",
    ylabel=f"$S_{{{tokens},{tokens - 1}}}/S_{{{tokens},1}} - 1$",
    ylim=(1e-8, 12),
    xlim=(0.7, 17.5),
)
axes.legend(loc="lower left")
figures.show(
    figure,
    name="norms-temperature",
    caption=f"How much more layer 2 scores the nearest key than the first, by the closed form, {tokens} tokens, no residual. LayerNorm has $\\tau = \\sqrt d$, L2 has $\\tau = 1$ in any dimension.",
    alt="Three curves fall exponentially with the temperature factor, the one for alpha 0 fastest. At factor 1, marked L2, all are between a tenth and two; at 8 the curve for alpha 0 is below one percent.",
)
say("norms-l2-effect", f"{100 * recency_effect(tokens, 1, 0.0)[-2].item():.0f}")
say("norms-ln16-effect", f"{100 * recency_effect(tokens, 16, 0.0)[-2].item():.1f}")
say("norms-ln64-effect", f"{100 * recency_effect(tokens, 64, 0.0)[-2].item():.2f}")

# %% [markdown]
# For isotropic tokens ($\alpha = 0$) layer 2 prefers the nearest key to the first by {glue:text}`norms-l2-effect` % with L2, by {glue:text}`norms-ln16-effect` % with LayerNorm at $d=16$ and by {glue:text}`norms-ln64-effect` % at $d=64$. That is why L2 needs no anisotropy and no depth: its recency probability in layer 2 is {glue:text}`norms-l2-16-0-2`
# ($d=16$) and {glue:text}`norms-l2-64-0-2` ($d=64$) where LayerNorm has {glue:text}`norms-layernorm-16-0-2` and {glue:text}`norms-layernorm-64-0-2`.
#
# *Verdict: the temperature sets the pace.* It also turns the role of the dimension around. With L2 a larger $d$ leaves the effect as it is and reduces the noise of the cosines, which is about $1/\sqrt d$: more recency. With LayerNorm a larger $d$ sharpens attention and the effect fades exponentially: less recency, later.
#
# ## Where the norm stands
#
# The residual can carry the raw token past the norm, $x \leftarrow x + \mathrm{Attn}(N(x))$, as in pre-norm transformers and in the official code. Or the sum is normalized, $h \leftarrow N(h + \mathrm{Attn}(h))$: post-norm, which in our terms is the normalized residual. The comparison is <span class="atlas-origin">ours</span>.

# %% tags=["hide-input"]
placed = obtain("placement")
places = {
    "no residual": ("none", "blue", "o", "-"),
    "post-norm": ("normalized", "orange", "s", "--"),
    "pre-norm (official code)": ("raw", "green", "^", "-"),
}
figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.3), sharey=True)
for axes, d in zip(panels, (16, 64), strict=True):
    for label, (residual, color, marker, line) in places.items():
        curve = series(placed, f"placement-d{d}-{residual}")["mean"]
        shown = [0, 1, 2, 3, 5, 7, 11, 15, 23, 31, 47, 63]
        axes.plot(
            curve, line, color=figures.PALETTE[color], marker=marker, markevery=shown, markersize=4.5, label=label
        )
    axes.set_xscale("log", base=2)
    axes.set(xlabel="layer", title=f"$d = {d}$, $\\alpha = 0.5$", ylim=(0.48, 1.02), xticks=[1, 2, 4, 8, 16, 32, 64])
    axes.xaxis.set_major_formatter("{x:.0f}")
panels[0].set_ylabel("recency probability")
panels[0].legend(loc="lower right", fontsize=9)
figures.show(
    figure,
    name="norms-placement",
    caption="LayerNorm with the residual in three places. Post-norm delays recency by a few layers. Pre-norm, whose stream grows with every layer, slows it down more and more.",
    alt="Two panels of three rising curves against depth on a logarithmic axis. Without residual and with post-norm they reach one; with pre-norm they rise slowly and stay visibly below one after 64 layers.",
    provenance=placed.provenance,
)
for d in (16, 64):
    for residual in ("none", "raw", "normalized"):
        for layer in (4, 8, 64):
            say(f"placement-{d}-{residual}-{layer}", f"{at(placed, f'placement-d{d}-{residual}', layer):.3f}")
        curve = series(placed, f"placement-d{d}-{residual}")["mean"]
        over = curve[curve > 0.9]
        say(f"placement-{d}-{residual}-ninety", str(over.index[0]) if len(over) else "beyond 64")

# %% [markdown]
# | $\alpha = .5$ | layer 4 | layer 8 | layer 64 | first layer above .9 |
# |:--|--:|--:|--:|--:|
# | $d=16$, no residual | {glue:text}`placement-16-none-4` | {glue:text}`placement-16-none-8` | {glue:text}`placement-16-none-64` | {glue:text}`placement-16-none-ninety` |
# | $d=16$, post-norm | {glue:text}`placement-16-normalized-4` | {glue:text}`placement-16-normalized-8` | {glue:text}`placement-16-normalized-64` | {glue:text}`placement-16-normalized-ninety` |
# | $d=16$, pre-norm | {glue:text}`placement-16-raw-4` | {glue:text}`placement-16-raw-8` | {glue:text}`placement-16-raw-64` | {glue:text}`placement-16-raw-ninety` |
# | $d=64$, no residual | {glue:text}`placement-64-none-4` | {glue:text}`placement-64-none-8` | {glue:text}`placement-64-none-64` | {glue:text}`placement-64-none-ninety` |
# | $d=64$, post-norm | {glue:text}`placement-64-normalized-4` | {glue:text}`placement-64-normalized-8` | {glue:text}`placement-64-normalized-64` | {glue:text}`placement-64-normalized-ninety` |
# | $d=64$, pre-norm | {glue:text}`placement-64-raw-4` | {glue:text}`placement-64-raw-8` | {glue:text}`placement-64-raw-64` | {glue:text}`placement-64-raw-ninety` |
#
# *Verdict: both placements keep recency, pre-norm slows it without end.* In its first layer the raw residual is the weaker one: in units of a normalized token its strength is $1/\sqrt{(1-\alpha)d}$, here {glue:text}`norms-strength-16` and {glue:text}`norms-strength-64`, against 1 for post-norm ({prf:ref}`prop-effective-residual`). This is why pre-norm is *ahead*
# of post-norm in the first layers. But the stream gains about one unit of length per layer, so the residual outweighs each new layer more and more, while post-norm keeps its strength of 1. The exponential of post-norm becomes a power law ({doc}`/_executed/recency/depth`).
#
# ## The first version's figure
#
# The first version of the paper had 50 tokens of norm 1, $d = 64$, L2 normalization, the raw residual, and showed mean score maps for $\alpha = 0, .2$ and $.4, .6, .8$ <span class="atlas-origin">official code</span>. Here are the same settings, with the recency probability, which that version does not print. Its figures have scores as colors, and colors can be read: see the table below.

# %% tags=["hide-input"]
first = obtain("first-version")


def config_of(point):
    size = first.table.profile[first.table.point == point].iloc[0]
    return recency.configurations(size)[point]


def show_first(alphas, name, caption, alt):
    points = [f"first-version-{alpha}" for alpha in alphas]
    tables = {point: first.table[first.table.point == point] for point in points}
    figure = plt.figure(figsize=(7.2, 1.95 * len(points)))
    layers = (1, 2, 3, 4)
    score_maps(
        figure,
        [[recency.score_map(config_of(p), tables[p], layer) for layer in layers] for p in points],
        [f"layer {layer}" for layer in layers],
        [f"$\\alpha = {alpha:g}$" for alpha in alphas],
        [[at(first, p, layer) for layer in layers] for p in points],
        least_range=[
            [
                6 * recency.score_map(config_of(p), tables[p], layer, "standard_error").nan_to_num().max().item()
                for layer in layers
            ]
            for p in points
        ],
    )
    figures.show(figure, name=name, caption=caption, alt=alt, provenance=first.provenance)


show_first(
    (0.0, 0.2),
    "norms-first-version",
    "The first version's setting: 50 tokens scaled to norm 1, $d = 64$, L2, raw residual. Mean scores, the diagonal (always 1) left out of the colors. Each map has its own range, written below it; the official figure has 0 to 1 for all.",
    "Two rows of four triangular score maps. The first layer is noise. At alpha 0 the early queries are brightest in layers 2 to 4 and late rows brighten towards the diagonal; at alpha 0.2 the first columns are dark from layer 2 on and the rest is nearly even.",
)

# %% tags=["hide-input"]
show_first(
    (0.4, 0.6, 0.8),
    "norms-first-version-alpha",
    "The same for stronger anisotropy. The range of the scores shrinks; the pattern stays: the first keys are left behind, and the others are nearly level.",
    "Three rows of four triangular score maps: noise in layer 1, then dark first columns and a bright, nearly even rest, with narrower ranges as alpha grows.",
)
# %% tags=["hide-input"]
lines = [
    "| $\\alpha$ | layer 1 | layer 2 | layer 3 | layer 4 | layer 2, off prediction | off official figure |",
    "|--:|--:|--:|--:|--:|--:|--:|",
]
largest, fits = [], []
for alpha in recency.ALPHAS:
    point = f"first-version-{alpha}"
    config, table = config_of(point), first.table[first.table.point == point]
    curve = series(first, point)["mean"]
    ideal = predicted_scores(config.tokens, 1, alpha, residual=1.0)
    below = torch.ones(config.tokens, config.tokens).tril(-1).bool()
    gap = (recency.score_map(config, table, 2) - ideal)[below].abs().max().item()
    largest.append(gap)
    read = beside(config, table)
    off = (read.official - read.ours).abs()
    fits.append((off <= read.allowed).tolist())
    lines.append(
        f"| {alpha:g} | "
        + " | ".join(f"{curve.loc[layer]:.4f}" for layer in (1, 2, 3, 4))
        + f" | {gap:.4f} | {off.max():.4f} |"
    )
display(Markdown("\n".join(lines)))
say("norms-first-error", f"{max(largest):.3f}")
say("norms-first-read", f"{sum(map(sum, fits))} of {sum(map(len, fits))}")
say("norms-first-read-count", f"{sum(map(len, fits))}")
say("norms-first-level", f"{0.5 / LEVELS:.4f}")
say("norms-first-se", f"{max(series(first, f'first-version-{a}').standard_error.max() for a in recency.ALPHAS):.4f}")
for d in (16, 64):
    say(f"norms-strength-{d}", f"{effective_residual(d, 0.5):.2f}")

# %% [markdown]
# *Beside the paper.* We read {glue:text}`norms-first-read-count` scores off the official figures, to half a level of their color map, {glue:text}`norms-first-level`. {glue:text}`norms-first-read` agree with ours within that and four standard errors of the difference; the last column has the largest difference.
#
# Recency probabilities have standard errors of at most {glue:text}`norms-first-se`. The last column but one compares layer 2 with the closed form at $\tau = 1$ and residual strength $r = 1$: on a scale from 0 to 1 the simulated mean scores are within {glue:text}`norms-first-error` of it.
#
# This setting also explains where the $r = 1$ of the curve $h(j)$ may come from <span class="atlas-origin">derived here</span>. Tokens of norm 1 that are normalized to norm 1 make the raw residual of the first layer a normalized one. In the current version the norm is $\sqrt d$ and the raw token much shorter, so $r = 1$ no longer describes the simulation
# ({ref}`ledger <ledger-kim2026-raw-residual>`).
#
# ## What to do with it
#
# - Replacing LayerNorm by RMSNorm does not touch this bias: any step that gives keys one length before they are scored has it, whatever else it does.
# - Look at the temperature before you look at the norm. The softer attention is, the sooner recency comes.
# - With pre-norm every further layer adds less than the one before. With post-norm every layer counts the same.
#
# These are stacks without weights. A trained query and key projection sets its own temperature, and a learned gain can undo a length.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Recency at temperature one
# :label: ex-norms-l2
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# L2 normalization, $\alpha = 0$, no residual, 10 tokens. By how much does row 10 of layer 2 prefer key 9 to key 1, $S_{10,9}/S_{10,1} - 1$? Orthonormal tokens will do: write down the weights of token 9 and the length of its output.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-norms-l2
# :class: dropdown
# :label: sol-norms-l2
# ```

# %% [markdown]
# Token 9 gives itself $e/(e+8)$ and each of the eight others $1/(e+8)$. Its output has the length $\sqrt{e^2+8}/(e+8)$; that of token 1 has length 1. The inner products with token 10 are equal, so the ratio of the scores is the inverse ratio of the lengths.

# %%
length = math.sqrt(math.e**2 + 8) / (math.e + 8)
print(exercises.check_l2_effect(1 / length - 1))

# %% [markdown]
# ```{solution-end}
# ```

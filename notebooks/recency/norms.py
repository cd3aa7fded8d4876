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
# Take the parts one by one ({numref}`fig-norms-which`). *None* leaves the tokens alone, *RMSNorm* only scales to norm $\sqrt d$, *LayerNorm* centers as well, and *L2* scales to norm 1, as in the first version of Kim 2026 {cite}`kim2026` <span class="atlas-origin">official code</span>. The comparison is <span class="atlas-origin">ours</span>.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed
tokens: int = 10  # sequence length in the closed form

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from attention_atlas import figures
from attention_atlas.drawing.recency import score_maps
from attention_atlas.exercises import recency_variants as exercises
from attention_atlas.experiments import recency
from attention_atlas.outcomes.readings import LEVELS, beside
from attention_atlas.outcomes.recency_points import Points
from attention_atlas.relativity import earlier
from attention_atlas.theory.recency.closed_form import effective_residual, predicted_scores, recency_effect
from attention_atlas.wording import probability, say, signed

figures.style()

# %% tags=["hide-input"]
kinds = {
    "L2": ("l2", "purple", "D", "-."),
    "RMSNorm": ("rmsnorm", "orange", "s", "--"),
    "LayerNorm": ("layernorm", "blue", "o", "-"),
    "none": ("none", "green", "^", "-"),
}
norms = Points(recency.group("norm", profile), profile)
figure, grid = plt.subplots(2, 2, figsize=(7.2, 5.6), sharex=True, sharey=True)
for row, alpha in zip(grid, (0.0, 0.5), strict=True):
    for axes, d in zip(row, (16, 64), strict=True):
        for label, (norm, color, marker, line) in kinds.items():
            curve = norms.recency(f"norm-d{d}-{norm}-{alpha}")["mean"]
            large = 8 if norm == "rmsnorm" else 4
            axes.plot(curve, line, color=figures.PALETTE[color], marker=marker, markersize=large, label=label)
        axes.axhline(0.5, color=figures.PALETTE["line"], linewidth=0.8)
        axes.set(ylim=(-0.03, 1.03), title=f"$d = {d}$, $\\alpha = {alpha:g}$")
grid[0, 1].legend(loc="center right", bbox_to_anchor=(1.0, 0.73), ncols=2, fontsize=9)
for axes in grid[1]:
    axes.set_xlabel("layer")
for axes in grid[:, 0]:
    axes.set_ylabel("recency probability")
figures.show(
    figure,
    name="norms-which",
    caption=f"Recency probability of eight layers without residual, {norms.sequences} sequences of 10 tokens. Without scaling the curves fall, with scaling none does. LayerNorm (small circles) and RMSNorm (large squares) nearly coincide. L2 shows recency even for isotropic tokens.",
    alt="Four panels. Without normalization the curve falls from one half towards zero. LayerNorm and RMSNorm coincide: flat at one half for alpha 0 and 64 dimensions, rising otherwise. L2 rises to one within four layers everywhere.",
    provenance=norms.provenance,
)
for d in (16, 64):
    for alpha in (0.0, 0.5):
        for _, (norm, *_) in kinds.items():
            curve = norms.recency(f"norm-d{d}-{norm}-{alpha}")["mean"]
            for layer in (2, 4) if alpha == 0 and norm in ("l2", "layernorm") else (4,):
                say(f"norms-{norm}-{d}-{alpha:g}-{layer}".replace(".", "p"), probability(curve[layer]))
    rms, ln = (norms.recency(f"norm-d{d}-{norm}-0.5").loc[4] for norm in ("rmsnorm", "layernorm"))
    say(f"norms-centering-{d}", signed(rms["mean"] - ln["mean"], "+.4f"))
    say(f"norms-centering-error-{d}", f"{rms['standard_error'] + ln['standard_error']:.4f}")

# %% [markdown]
# ## Not the centering
#
# {prf:ref}`prop-gram-reduction` settles this without a simulation <span class="atlas-origin">derived here</span>. Centering commutes with mixing and with the residual, so it is needed once, before the first layer. What remains of LayerNorm in $d$ dimensions is RMSNorm in $d-1$ dimensions, with the norm $\sqrt d$. Likewise, a layer that only centers
# is a layer without normalization in $d-1$ dimensions, and has the early bias.
#
# So LayerNorm and RMSNorm differ by one dimension in $d$. In layer 4 at $\alpha = 0.5$ RMSNorm's recency probability differs from LayerNorm's by {glue:text}`norms-centering-16` at $d=16$ and by
# {glue:text}`norms-centering-64` at $d=64$, with standard errors of at most {glue:text}`norms-centering-error-16` and {glue:text}`norms-centering-error-64` (the two share random numbers, so these are sums of both errors).
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
# *Verdict: scaling to equal length does it.* A later token is a mean of more vectors and therefore shorter ({prf:ref}`prop-falling-norm`). To divide by its length raises its scores as a key ({prf:ref}`prop-layer-two`). Without the division the late tokens gain nothing in layer 2, where rows are flat on average ({prf:ref}`prop-flat-inner`), and lose from layer 3 on
# ({prf:ref}`prop-early-bias`).
#
# ## The temperature
#
# Without residual L2 differs from RMSNorm in one number. Both score by cosines; RMSNorm multiplies them by $\sqrt d$, L2 by 1. Call this factor $\tau$. In the proof of {prf:ref}`prop-falling-norm` $\sqrt d$ shapes the weights through $u = e^{\tau}$ and $v = e^{\alpha\tau}$ alone. So that page's formulas hold for L2 with $\tau = 1$, as if $d$ were 1
# <span class="atlas-origin">derived here</span>. The effect, for $(j-1)\,e^{-(1-\alpha)\tau} \ll 1$, is
#
# $$
# \frac{S_{ij}}{S_{i1}} - 1 \;\approx\; (1-\alpha)\,(j-1)\,e^{-(1-\alpha)\tau} .
# $$ (eq-norms-temperature)
#
# {numref}`fig-norms-temperature` has it without that approximation. Sharp attention mostly copies the token itself, and a copy is not shorter. Soft attention averages more.

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
for name, d, digits in (("l2", 1, 0), ("ln16", 16, 1), ("ln64", 64, 2)):
    say(f"norms-{name}-effect", f"{100 * recency_effect(tokens, d, 0.0)[-2].item():.{digits}f}")

# %% [markdown]
# For isotropic tokens ($\alpha = 0$) layer 2 prefers the nearest key to the first by {glue:text}`norms-l2-effect` % with L2, by {glue:text}`norms-ln16-effect` % with LayerNorm at $d=16$ and by {glue:text}`norms-ln64-effect` % at $d=64$. That is why L2 needs no anisotropy and no depth: its recency probability in layer 2 is {glue:text}`norms-l2-16-0-2`
# ($d=16$) and {glue:text}`norms-l2-64-0-2` ($d=64$) where LayerNorm has {glue:text}`norms-layernorm-16-0-2` and {glue:text}`norms-layernorm-64-0-2`.
#
# *Verdict: the temperature sets the pace.* It also turns the role of the dimension around. With L2 a larger $d$ leaves the effect as it is and lowers the noise of the cosines, which is about $1/\sqrt d$: more recency. With LayerNorm a larger $d$ sharpens attention, and the effect falls like $e^{-(1-\alpha)\sqrt d}$: less recency.
#
# ## Where the norm stands
#
# The residual can carry the raw token past the norm, $x \leftarrow x + \mathrm{Attn}(N(x))$. That is pre-norm, and what the simulation does <span class="atlas-origin">official code</span>. Or the sum is normalized, $h \leftarrow N(h + \mathrm{Attn}(h))$: post-norm, in our terms the normalized residual. The comparison is <span class="atlas-origin">ours</span>.

# %% tags=["hide-input"]
placed = Points(recency.group("placement", profile), profile)
places = {
    "no residual": ("none", "blue", "o", "-"),
    "post-norm": ("normalized", "orange", "s", "--"),
    "pre-norm (official code)": ("raw", "green", "^", "-"),
}
figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.3), sharey=True)
for axes, d in zip(panels, (16, 64), strict=True):
    for label, (residual, color, marker, line) in places.items():
        curve = placed.recency(f"placement-d{d}-{residual}")["mean"]
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
    caption=f"LayerNorm without residual and with the residual in two places, {placed.sequences} sequences. Post-norm delays recency by a few layers. Pre-norm, whose stream grows with every layer, slows it down more and more.",
    alt="Two panels of three rising curves against depth on a logarithmic axis. Without residual and with post-norm they reach one; with pre-norm they rise slowly and stay visibly below one after 64 layers.",
    provenance=placed.provenance,
)
for d in (16, 64):
    for residual in ("none", "raw", "normalized"):
        curve = placed.recency(f"placement-d{d}-{residual}")["mean"]
        for layer in (2, 4, 8, 64):
            say(f"placement-{d}-{residual}-{layer}", probability(curve[layer], 3))
        over = curve[curve > 0.9]
        say(f"placement-{d}-{residual}-ninety", str(over.index[0]) if len(over) else f"after {len(curve)}")

# %% [markdown]
# | $\alpha = .5$ | layer 2 | layer 4 | layer 8 | layer 64 | first layer above .9 |
# |:--|--:|--:|--:|--:|--:|
# | $d=16$, no residual | {glue:text}`placement-16-none-2` | {glue:text}`placement-16-none-4` | {glue:text}`placement-16-none-8` | {glue:text}`placement-16-none-64` | {glue:text}`placement-16-none-ninety` |
# | $d=16$, post-norm | {glue:text}`placement-16-normalized-2` | {glue:text}`placement-16-normalized-4` | {glue:text}`placement-16-normalized-8` | {glue:text}`placement-16-normalized-64` | {glue:text}`placement-16-normalized-ninety` |
# | $d=16$, pre-norm | {glue:text}`placement-16-raw-2` | {glue:text}`placement-16-raw-4` | {glue:text}`placement-16-raw-8` | {glue:text}`placement-16-raw-64` | {glue:text}`placement-16-raw-ninety` |
# | $d=64$, no residual | {glue:text}`placement-64-none-2` | {glue:text}`placement-64-none-4` | {glue:text}`placement-64-none-8` | {glue:text}`placement-64-none-64` | {glue:text}`placement-64-none-ninety` |
# | $d=64$, post-norm | {glue:text}`placement-64-normalized-2` | {glue:text}`placement-64-normalized-4` | {glue:text}`placement-64-normalized-8` | {glue:text}`placement-64-normalized-64` | {glue:text}`placement-64-normalized-ninety` |
# | $d=64$, pre-norm | {glue:text}`placement-64-raw-2` | {glue:text}`placement-64-raw-4` | {glue:text}`placement-64-raw-8` | {glue:text}`placement-64-raw-64` | {glue:text}`placement-64-raw-ninety` |
#
# *Verdict: both placements keep recency, pre-norm slows it without end.* In the first layer the raw residual is the weaker one: in units of a normalized token its strength is $1/\sqrt{(1-\alpha)d}$, here {glue:text}`norms-strength-16` and {glue:text}`norms-strength-64`, against 1 for post-norm ({prf:ref}`prop-effective-residual`). So in layer 2 pre-norm is ahead
# of post-norm. But its stream grows with every layer, so the residual outweighs each new layer more and more, while post-norm keeps its strength of 1. The exponential of post-norm becomes a power law ({prf:ref}`prop-recency-rates`).
#
# ## The first version's figure
#
# The first version of the paper had 50 tokens of norm 1, $d = 64$, L2 normalization and the raw residual. It showed mean score maps for $\alpha = 0, .2$ and $.4, .6, .8$ <span class="atlas-origin">official code</span>. Here are the same settings, with the recency probability, which that version does not print. Its figures show scores as colors, and colors can be read: see
# below the table.

# %% tags=["hide-input"]
first = Points(recency.group("first-version", profile), profile)


def show_first(alphas, name, caption, alt):
    """Four layers of some points, each map with a range that noise does not fill."""
    points, layers = [f"first-version-{alpha}" for alpha in alphas], (1, 2, 3, 4)
    errors = [[earlier(first.score_map(p, layer, "standard_error")).max().item() for layer in layers] for p in points]
    figure = plt.figure(figsize=(7.2, 1.95 * len(points)))
    score_maps(
        figure,
        [[first.score_map(p, layer) for layer in layers] for p in points],
        [f"layer {layer}" for layer in layers],
        [f"$\\alpha = {alpha:g}$" for alpha in alphas],
        [[first.recency(p)["mean"][layer] for layer in layers] for p in points],
        least_range=[[6 * error for error in row] for row in errors],
    )
    figures.show(figure, name=name, caption=caption, alt=alt, provenance=first.provenance)


show_first(
    (0.0, 0.2),
    "norms-first-version",
    f"The first version's setting: 50 tokens scaled to norm 1, $d = 64$, L2, raw residual, {first.sequences} sequences. Mean scores, the diagonal (always 1) left out of the colors. Each map has its own range, written below it; the official figure has 0 to 1 for all.",
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
    "| $\\alpha$ | layer 1 | layer 2 | layer 3 | layer 4 | layer 2: off the closed form | off the official figure |",
    "|--:|--:|--:|--:|--:|--:|--:|",
]
misses, fits, errors = [], [], []
for alpha in recency.ALPHAS:
    point = f"first-version-{alpha}"
    config, curve = first.configs[point], first.recency(point)
    ideal = predicted_scores(config.tokens, 1, alpha, residual=1.0)
    misses.append(earlier(first.score_map(point, 2) - ideal).abs().max().item())
    read = beside(config, first.tables[point])
    off = (read["official"] - read["ours"]).abs()
    fits += (off <= read["allowed"]).tolist()
    errors.append(curve["standard_error"].max())
    shown = " | ".join(probability(value) for value in curve["mean"])
    lines.append(f"| {alpha:g} | {shown} | {misses[-1]:.4f} | {off.max():.4f} |")
display(Markdown("\n".join(lines)))
say("norms-first-miss", f"{max(misses):.3f}")
say("norms-first-fits", f"{sum(fits)}")
say("norms-first-read", f"{len(fits)}")
say("norms-first-level", f"{0.5 / LEVELS:.4f}")
say("norms-first-error", f"{max(errors):.4f}")
for d in (16, 64):
    say(f"norms-strength-{d}", f"{effective_residual(d, 0.5):.2f}")

# %% [markdown]
# RP by layer, then the largest differences of a mean score. Recency probabilities have standard errors of at most {glue:text}`norms-first-error`. The last column but one compares layer 2 with the closed form <span class="atlas-origin">derived here</span> at $\tau = 1$ and residual strength $r = 1$. On a scale from 0 to 1 the simulated mean scores are within
# {glue:text}`norms-first-miss` of it. It has no fluctuations, so it is near and not exact.
#
# *Beside the paper.* We read {glue:text}`norms-first-read` scores off the official figures, to half a level of their color map, {glue:text}`norms-first-level`. {glue:text}`norms-first-fits` of them agree with ours within that and four standard errors of the difference.
#
# In this setting the $r = 1$ of the curve $h(j)$ is right <span class="atlas-origin">derived here</span>: tokens of norm 1 that are normalized to norm 1 make the raw residual of the first layer a normalized one. In the current version the norm is $\sqrt d$ and the raw token much shorter, so $r = 1$ no longer describes the simulation
# ({ref}`ledger <ledger-kim2026-raw-residual>`).
#
# ## What to do with it
#
# - Do not expect RMSNorm in place of LayerNorm to change this bias. It comes with any step that gives keys one length before they are scored.
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

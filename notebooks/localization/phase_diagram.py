# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Two collapses, one spectrum
#
# Attention that is too uniform makes all tokens equal: *rank collapse*. Attention that is too sharp has no *entropy* left. Both depend on the
# eigenvalues of one matrix, $W = W_Q^\top W_K$. Which mean $\eta/\sqrt d$ and which deviation $s$ of them avoid both?
#
# {numref}`fig-localization-phase` answers for one layer. A small deviation with a mean away from zero **can** do it. It is not the only way, and
# not always enough.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed
sequences: int = 200  # random sequences for the maps and for the floor of the entropy

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import pandas as pd
import torch
from IPython.display import Markdown, display
from matplotlib.colors import LogNorm

from attention_atlas import cards, figures, results
from attention_atlas.claim_boxes import claim_boxes
from attention_atlas.drawing.attention import attention_map
from attention_atlas.drawing.phase import LOOK, outline, regime_legend, regime_map, value_map
from attention_atlas.exercises import localization_phase as exercises
from attention_atlas.experiments import localization_phase
from attention_atlas.masks import dense, none
from attention_atlas.metrics import entropy
from attention_atlas.outcomes.localization_diagrams import CRITERIA, beside_pilot, diagram, entropy_at, places, regimes
from attention_atlas.simulation.spectral_attention import SpectralScores
from attention_atlas.tasks.random_walk import walks
from attention_atlas.theory.localization.entropy_floor import entropy_floor, logit_size
from attention_atlas.theory.localization.spectrum import eigenvalues, normal_weights
from attention_atlas.wording import probability, say, thousandths

figures.style()
found = results.obtain(localization_phase, profile)
TITLES = {
    "T64-d128": "T = 64, d = 128", "T16-d128": "T = 16", "T256-d128": "T = 256", "T1024-d128": "T = 1024", "T64-d32": "d = 32",
    "T64-d512": "d = 512", "T64-d128-causal": "causal mask", "T64-d128-independent": "independent tokens",
    "T64-d128-two-point": "two-point spectrum",
}  # fmt: skip
tables = {name: found.table[found.table["point"] == name] for name in TITLES}
diagrams, errors = (
    {name: diagram(table, column) for name, table in tables.items()} for column in ("mean", "standard_error")
)
phases = {name: regimes(numbers) for name, numbers in diagrams.items()}
main, phase = diagrams["T64-d128"], phases["T64-d128"]
size = localization_phase.configurations(tables["T64-d128"]["profile"].iloc[0])["T64-d128"]
blue, orange, green, muted, ink = (figures.PALETTE[name] for name in ("blue", "orange", "green", "muted", "ink"))

# %% tags=["hide-input"]
figure = plt.figure(figsize=(7.2, 6.3))
left, right, below = figure.subplot_mosaic([["H", "r"], ["p", "p"]], height_ratios=(1, 1.25)).values()
for axes, quantity, title in ((left, "entropy", "entropy, share of ln T"), (right, "residual", "rank residual")):
    image = value_map(axes, main[quantity])
    outline(axes, phase == "localized", on_colors=True)
    axes.set_title(title)
figure.colorbar(image, ax=[left, right], pad=0.01, aspect=18, ticks=[0, 0.5, 1])
regime_map(below, phase, fontsize=11)
outline(below, phase == "localized")
below.set(title="regime", xlabel="η (drift: √d times the mean of the eigenvalues)")
for axes in (left, below):
    axes.set_ylabel("deviation s")
regime_legend(
    below,
    [name for name in LOOK if (phase == name).any(axis=None)],
    loc="upper center",
    bbox_to_anchor=(0.5, -0.3),
    ncols=4,
)
figures.show(
    figure,
    name="localization-phase",
    caption=f"One layer, full softmax, no mask, random walks of 64 tokens in 128 dimensions, {size.sequences:,} sequences. Values of $\\eta$ and $s$ are not evenly spaced. "
    "Outlined: localized. The thresholds are ours ({ref}`below <localization-criterion>`), and so is the diagram.",
    alt="Three grids over eta and deviation. Entropy is high in the lower middle and falls toward large deviation and toward both ends of "
    "eta. The rank residual is near zero only at eta 0 with deviation near 0 and rises everywhere else. Regimes: rank collapse in a few cells around "
    "eta 0 and deviation 0; localized to both sides of it at small deviation; driven by content above it; entropy collapse "
    "at the top and at both ends.",
    provenance=found.provenance,
)
counts = phase.stack().value_counts()
for name in LOOK:
    say(f"phase-count-{LOOK[name][0]}", f"{counts.get(name, 0)}")
say("phase-places", f"{phase.size}")

# %% [markdown]
# Bao 2024 {cite}`bao2024` argues with the eigenvalues' mean and variance. The full text was not at hand. **The diagram, its numbers and its thresholds are our reconstruction.**
#
# ## Three maps
#
# Two quantities say what collapsed. The *entropy* $H$ of attention is averaged over queries, as a share of $\ln T$. The *rank residual* is what the layer
# leaves of the differences between tokens, $\|U - \mathbf 1\bar u^\top\| \,/\, \|X - \mathbf 1\bar x^\top\|$ for inputs $X$ and outputs $U$. A third question is *who decides* where attention goes:
# the position of query and key, which is the same in every sequence, or the content of this one. {numref}`fig-localization-schematic` shows both answers.

# %% tags=["hide-input"]
tokens, d_model = 64, 128
mask = dense(none, tokens)
x = walks(sequences, tokens, d_model, torch.Generator().manual_seed(0), increment=1 / tokens)
scores = SpectralScores(x)
cases = {"uniform": (0.0, 0.0), "localized": (20.0, 0.0), "spread out": (0.0, 64.0)}
maps = {name: scores.weights(*place, mask) for name, place in cases.items()}
figure, panels = plt.subplots(2, 3, figsize=(7.2, 4.9))
norm = LogNorm(1e-3, 1)
for column, (name, weights) in enumerate(maps.items()):
    for line, drawn in enumerate((weights[0], weights.mean(0))):
        image = attention_map(panels[line, column], drawn, norm, labels=line == 1 and column == 0)
    eta, deviation = cases[name]
    panels[0, column].set_title(f"{name}\nη = {eta:g}, s = {deviation:g}", fontsize=10)
for axes, title in zip(panels[:, 0], ("one sequence", f"mean of {sequences}"), strict=True):
    axes.annotate(title, (-0.24, 0.5), xycoords="axes fraction", rotation=90, ha="right", va="center", fontsize=10)
bar = figure.colorbar(image, ax=panels, pad=0.015, aspect=30, ticks=[1e-3, 1e-2, 1e-1, 1], extend="min")
bar.ax.set_yticklabels([".001", ".01", ".1", "1"])
bar.ax.minorticks_off()
figures.show(
    figure,
    name="localization-schematic",
    caption="Attention of 64 tokens at three places of the diagram. *By position:* in the middle the mean map looks like the single one. *By content:* at the right each sequence has its own few keys, and their mean looks like nothing.",
    alt="Two rows of three maps. Uniform: flat in both rows. Localized: a band to the right of the diagonal, nearly the same in one sequence and in the mean. "
    "Spread out: one sequence has single bright columns in blocks, the mean is a faint block pattern.",
)

# %% [markdown]
# ````{prf:proposition} Position and content
# :label: prop-concentration-split
#
# <span class="atlas-origin">derived here</span> Let $A$ be a random row of attention over $n$ allowed keys, $\mathrm{H}$ its entropy in nats, and $H = \mathbb E\,\mathrm H(A)/\ln n$. Then
#
# $$
# 1 - H = \underbrace{\frac{\mathrm{KL}(\mathbb E A\,\|\,\mathrm{uniform})}{\ln n}}_{L,\ \text{by position}} + \underbrace{\frac{\mathbb E\,\mathrm{KL}(A\,\|\,\mathbb E A)}{\ln n}}_{C,\ \text{by content}} ,
# \qquad L, C \ge 0 .
# $$ (eq-localization-split)
#
# $L = 0$ if and only if the mean row is uniform. $C = 0$ if and only if the row is the same in (almost) every sequence.
# ````
#
# ````{prf:proof}
# <span class="atlas-origin">derived here</span> Write $m = \mathbb E A$. First, $\mathrm{KL}(m\,\|\,\mathrm{uniform}) = \sum_j m_j\ln(n\,m_j) = \ln n - \mathrm H(m)$. Second,
# $\mathbb E\,\mathrm{KL}(A\,\|\,m) = \mathbb E\sum_j A_j\ln A_j - \sum_j \mathbb E[A_j]\ln m_j = \mathrm H(m) - \mathbb E\,\mathrm H(A)$. The sum is $\ln n - \mathbb E\,\mathrm H(A)$. A divergence is
# at least 0, and 0 only between equal distributions.
# ````
#
# ({ref}`Card <card-atlas-concentration-split>`.) $C\ln n$ is the mutual information of the sequence and the attended key: what you would learn about the text by seeing where a query looks. For the whole map both parts are
# averaged over queries. The identity needs no model; it holds for trained heads too.

# %% tags=["hide-input"]
lines = []
for name, (eta, deviation) in cases.items():
    cells = [
        f"{probability(main[q].loc[deviation, eta], 3)} ± {probability(errors['T64-d128'][q].loc[deviation, eta], 3)}"
        for q in main
    ]
    lines.append([name, f"{eta:g}", f"{deviation:g}", *cells, phase.loc[deviation, eta]])
display(Markdown(cards.table(["", "η", "s", "entropy", "residual", "by position", "by content", "regime"], lines)))

# %% [markdown]
# (localization-criterion)=
# **Our criterion**, stated before these diagrams were computed (the pilot run below was known). <span class="atlas-origin">ours</span> *Rank collapse:* a residual below 0.1. *Entropy collapse:* $H < ½$, fewer than $\sqrt T$ keys are left. *Localized:* neither, and $L \ge C$.
# What else has neither collapse is *driven by content*: each sequence decides for itself.
#
# ## What a bound on the entropy promises
#
# ````{prf:proposition} Zhai 2023, Theorem 3.1
# :label: prop-entropy-floor
#
# <span class="atlas-origin">paper</span> Let $\sigma$ be at least the norm of a query's $T$ logits, less their mean if you like, and $b = e^{-\sigma\sqrt{T/(T-1)}}$. Then
#
# $$
# \mathrm H \ge \ln\bigl(1 + (T-1)\,b\bigr) + \frac{\sigma\sqrt{T(T-1)}\;b}{1 + (T-1)\,b} .
# $$ (eq-localization-floor)
#
# $\sigma = \|W\|_2\,\|X\|_2^2/\sqrt d$ (spectral norms) always suffices.
# ````
#
# ({ref}`Card <card-atlas-entropy-floor>`.) Zhai and coauthors {cite}`zhai2023` proved it to say that large weights *permit* entropy collapse; Bao 2024 sets it beside its own result. A collapse of entropy needs large logits. Do large norms of weights tell us that it happens?

# %% tags=["hide-input"]
sweeps = {
    "η, at s = 0": [(eta, 0.0) for eta in (0.0, 1.25, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0)],
    "s, at η = 0": [(0.0, s) for s in (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)],
}
some = min(sequences, 40)
figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.3), sharey=True)
rows, below = [], []
for axes, (title, line) in zip(panels, sweeps.items(), strict=True):
    for eta, s in line:
        logits = (eta * scores.drift + s * scores.spread)[:some]
        measured = entropy(scores.weights(eta, s, mask))[:some]  # one number per sequence and query
        row_floor = entropy_floor(torch.linalg.vector_norm(logits - logits.mean(-1, keepdim=True), dim=-1), tokens)
        floor = entropy_floor(logit_size(normal_weights(eigenvalues(d_model, eta, s)), x[:some]), tokens)
        means = [(nats.mean() / math.log(tokens)).item() for nats in (measured, row_floor, floor)]
        rows.append((title, eta, s, *means))
        below.append((measured < torch.maximum(row_floor, floor[:, None]) - 1e-9).sum().item())
    part = pd.DataFrame(
        [row[1:] for row in rows if row[0] == title], columns=["eta", "s", "measured", "logits", "weights"]
    )
    where = range(len(part))
    for column, look, label in (
        ("measured", dict(color=blue, marker="o"), "measured"),
        ("logits", dict(color=orange, marker="s", linestyle="--"), "floor, σ of each query's logits"),
        ("weights", dict(color=green, marker="^", linestyle=":"), "floor, σ from norms of W and X"),
    ):
        axes.plot(where, part[column], label=label, **look)
    axes.set_xticks(where, [f"{value:g}" for value in part["eta" if title[0] == "η" else "s"]])
    axes.set(xlabel=title, ylim=(0, 1.04))
panels[0].set_ylabel("entropy, share of ln T")
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
floors = pd.DataFrame(rows, columns=["sweep", "eta", "s", "measured", "logits", "weights"])
figures.show(
    figure,
    name="localization-floor",
    caption=f"Mean entropy and its floor {{eq}}`eq-localization-floor`, live, {some} sequences. Left along the lowest row of the diagram, right up its column $\\eta = 0$.",
    alt="Measured entropy falls slowly in both panels. The floor from the logits' own norms falls to near zero much earlier. The floor from norms of weights and tokens is near zero "
    "from the second value on.",
)
say("phase-floor-rows", f"{some * tokens * len(floors):,}")
say("phase-floor-below", f"{sum(below)}")
twenty = floors[floors.eta == 20].iloc[0]
say("phase-floor-measured", probability(twenty.measured, 3))
say("phase-floor-logits", probability(twenty.logits, 3))
first = floors[floors.weights < 0.01].iloc[0]
say("phase-floor-first", f"{first.eta:g}")

# %% [markdown]
# Of the {glue:text}`phase-floor-rows` rows drawn for this figure, {glue:text}`phase-floor-below` are below their floor. The floor is reached by one logit above $T-1$ equal ones. Our logits rise evenly instead, and stay far above it: at $\eta = 20$ the entropy is {glue:text}`phase-floor-measured`, the floor
# from the logits themselves {glue:text}`phase-floor-logits`. From norms of weights and tokens it promises less than a hundredth from $\eta$ = {glue:text}`phase-floor-first` on. **Large norms permit a collapse, they do not cause it.** What they cause depends on
# how they are spread over the spectrum.
#
# ## A table to compare with
#
# Before the experiment existed, a pilot run of this project had given five places at $T = 64$, $d = 128$. Its number of sequences was not kept.

# %% tags=["hide-input"]
both = beside_pilot(tables["T64-d128"])
lines = []
for (eta, deviation), part in both.groupby(["eta", "deviation"]):
    numbers = part.set_index("quantity")
    cells = [
        text
        for q in ("entropy", "residual")
        for text in (
            probability(numbers.value[q], 3),
            f"{probability(numbers['mean'][q], 4)} ± {probability(numbers.standard_error[q], 4)}",
            f"{numbers.apart[q]:.1f}",
        )
    ]
    lines.append([f"{eta:g}", f"{deviation:g}", *cells])
display(
    Markdown(
        cards.table(["η", "s", "H, pilot", "H, ours", "apart", "residual, pilot", "residual, ours", "apart"], lines)
    )
)
worst = both.loc[both.apart.idxmax()]
say("phase-pilot-worst", f"{worst.apart:.1f}")
say("phase-pilot-place", f"η = {worst.eta:g}, s = {worst.deviation:g}")
say("phase-pilot-equal", f"{worst.apart / math.sqrt(2):.1f}")
say("phase-pilot-count", f"{len(both)}")
within = (both.apart <= 2 * math.sqrt(2)).all()
say(
    "phase-pilot-verdict",
    "They agree within Monte Carlo error" if within else "They do not all agree within Monte Carlo error",
)
narrow = main["entropy"].loc[8.0, 0.0], main["entropy"].loc[32.0, 0.0]
slope = (narrow[0] - narrow[1]) / math.log(4)
say("phase-pilot-draw", probability(slope / math.sqrt(2 * d_model), 3))

# %% [markdown]
# ("Apart": how many of our standard errors lie between the two, beyond the pilot's rounding.) {glue:text}`phase-pilot-verdict`, if the pilot had an error like ours: the largest of {glue:text}`phase-pilot-count` distances is then
# {glue:text}`phase-pilot-equal` combined errors ({glue:text}`phase-pilot-worst` of ours, at {glue:text}`phase-pilot-place`). One more source is known at $s = 16$. We set the eigenvalues at exact quantiles. If the pilot drew its 128 at random, their deviation varies by a sixteenth, and that
# alone moves the entropy by about {glue:text}`phase-pilot-draw`.
#
# ## The price of a residual
#
# A large deviation avoids rank collapse as well: at $\eta = 0$ the residual rises up the whole column of {numref}`fig-localization-phase`. What it costs is entropy. So compare spectra **at the same residual**.

# %% tags=["hide-input"]
shown = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
markers = "os^Dv<>P"
figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.9), sharey=True)
for axes, name in zip(panels, ("T64-d128", "T1024-d128", "T64-d128-causal"), strict=True):
    numbers = diagrams[name]
    positive = [eta for eta in numbers["entropy"].columns if eta >= 0]
    for deviation, color, marker in zip(shown, figures.shades(8), markers, strict=True):
        axes.plot(
            *(numbers[q].loc[deviation, positive] for q in ("residual", "entropy")),
            marker=marker,
            color=color,
            markersize=4,
            linewidth=1.4,
            label=f"{deviation:g}",
        )
    negative = [eta for eta in numbers["entropy"].columns if eta <= 0]
    axes.plot(
        *(numbers[q].loc[0.0, negative] for q in ("residual", "entropy")),
        "--",
        color=orange,
        marker="x",
        label="0, η < 0",
    )
    axes.axhline(0.5, color=muted, linewidth=0.8, linestyle=":")
    axes.axvline(0.1, color=muted, linewidth=0.8, linestyle=":")
    axes.set(
        xlabel="rank residual",
        title=TITLES[name] if name != "T1024-d128" else "T = 1024, d = 128",
        xlim=(-0.03, 1.03),
        ylim=(0, 1.03),
        xticks=[0, 0.5, 1],
    )
panels[0].set_ylabel("entropy, share of ln T")
handles = panels[0].get_legend_handles_labels()
figure.legend(
    *handles,
    loc="outside lower center",
    ncols=9,
    title="deviation s",
    title_fontsize=9.5,
    columnspacing=0.9,
    handletextpad=0.3,
    handlelength=1.4,
)
figures.show(
    figure,
    name="localization-trade-off",
    caption="Entropy against residual. Each line is one deviation and runs over $\\eta \\ge 0$, the dashed one over $\\eta \\le 0$ at $s = 0$; up and to the right is better. Dotted: our lines for the two collapses.",
    alt="Three panels. In the first and third the line of deviation 0 lies above all others with the same residual; in the second, for 1024 tokens, lines of deviation 4 and 8 pass above it at residuals around one half. "
    "The dashed line for negative eta bends back below the others.",
    provenance=found.provenance,
)
# %% tags=["hide-input"]
compared = (0.4, 0.5, 0.6)
rows = []
for name, numbers in diagrams.items():
    for residual in compared:
        kept = entropy_at(numbers, residual)
        wide = kept[kept.index >= 4].dropna()
        if len(wide) and kept[0.0] == kept[0.0]:
            rows.append((name, residual, wide.idxmax(), kept[0.0] - wide.max()))
price = pd.DataFrame(rows, columns=["name", "residual", "best", "gain"])
lines = []
for name, part in price.groupby("name", sort=False):
    known = part.set_index("residual")
    cells = [
        f"{thousandths(known.gain[r], plus=True)} ({known.best[r]:g})" if r in known.index else "–" for r in compared
    ]
    lines.append([TITLES[name], *cells])
display(Markdown(cards.table(["", *[f"residual {r:g}" for r in compared]], lines)))
say("phase-compared", ", ".join(f"{r:g}" for r in compared))
for name in ("T64-d128", "T64-d128-causal", "T64-d512"):
    part = price[price.name == name].gain
    say(f"phase-price-least-{name}", thousandths(part.min(), plus=True))
    say(f"phase-price-most-{name}", thousandths(part.max(), plus=True))
say("phase-price-independent", thousandths(price[price.name == "T64-d128-independent"].gain.abs().max()))
long = price[price.name == "T1024-d128"].sort_values("gain").iloc[0]
say("phase-price-long", thousandths(long.gain, plus=True))
say("phase-price-long-s", f"{long.best:g}")
say("phase-price-long-residual", f"{long.residual:g}")
say(
    "phase-price-long-error",
    probability(max(errors["T1024-d128"]["entropy"].loc[s, e] for s, e in ((0.0, 80.0), (8.0, 10.0))), 3),
)
negative = main["entropy"].loc[0.0, -20.0], main["residual"].loc[0.0, -20.0]
say("phase-negative-entropy", probability(negative[0], 3))
say("phase-negative-residual", probability(negative[1], 3))
say("phase-negative-other", probability(main["entropy"].loc[8.0, 0.0], 3))
say("phase-negative-other-residual", probability(main["residual"].loc[8.0, 0.0], 3))

# %% [markdown]
# (By how much the entropy at $s = 0$ exceeds the highest one of all $s \ge 4$, which stands in parentheses; a dash where they do not reach the residual.) **The honest strong version of the claim**: for a positive mean, $s = 0$ keeps more entropy at the same residual. At $T = 64$, $d = 128$ it does so at residuals of {glue:text}`phase-compared`, by
# {glue:text}`phase-price-least-T64-d128` to {glue:text}`phase-price-most-T64-d128`: clearly where $s = 0$ needs little drift, barely where it needs much. With a causal mask the gain is {glue:text}`phase-price-most-T64-d128-causal`. It is no law:
#
# - *Long sequences.* At $T = 1024$ and a residual of {glue:text}`phase-price-long-residual` the difference is {glue:text}`phase-price-long`: $s$ = {glue:text}`phase-price-long-s` keeps **more** (standard error of one such entropy: {glue:text}`phase-price-long-error`).
# - *Wide models.* At $d = 512$ the differences run from {glue:text}`phase-price-least-T64-d512` to {glue:text}`phase-price-most-T64-d512`; at the larger residuals the order turns, by little.
# - *A negative mean.* At $\eta = -20$, $s = 0$ attention hangs on the first tokens: entropy {glue:text}`phase-negative-entropy` at a residual of {glue:text}`phase-negative-residual`. With $\eta = 0$, $s = 8$ it is {glue:text}`phase-negative-other` at
#   {glue:text}`phase-negative-other-residual`: more of both.
# - *Independent tokens.* Without a walk there is no drift to follow, and all deviations trade alike: they differ by at most {glue:text}`phase-price-independent`.
#
# ## Other lengths, dimensions, masks, tokens, spectra

# %% tags=["hide-input"]
figure, panels = plt.subplots(4, 2, figsize=(7.2, 10.4), sharex=True, sharey=True)
for axes, name in zip(panels.flat, list(TITLES)[1:], strict=True):
    regime_map(axes, phases[name])
    outline(axes, phases[name] == "localized")
    axes.set_title(TITLES[name])
for axes in panels[-1]:
    axes.set_xlabel("η")
for axes in panels[:, 0]:
    axes.set_ylabel("deviation s")
handles = [
    plt.Rectangle((0, 0), 1, 1, facecolor=(figures.PALETTE[color], strength)) for _, color, strength in LOOK.values()
]
figure.legend(handles, [f"{letter} {name}" for name, (letter, *_) in LOOK.items()], loc="outside lower center", ncols=3)
figures.show(
    figure,
    name="localization-others",
    caption="Regimes as in {numref}`fig-localization-phase`. Each diagram changes one thing of $T = 64$, $d = 128$, no mask, random walk, Gaussian eigenvalues.",
    alt="Eight grids of letters. The localized region keeps its shape with length and shrinks at 32 dimensions, grows at 512. With a causal mask it is smaller and ends at eta 20, "
    "rank collapse is at eta minus 20 and both collapses at minus 80. With independent tokens nearly everything is rank collapse. The two-point spectrum is like the Gaussian one.",
    provenance=found.provenance,
)

# %% tags=["hide-input"]
lines = [
    [TITLES[name], *[f"{len(places(regimes(numbers, criterion)))}" for criterion in CRITERIA.values()]]
    for name, numbers in diagrams.items()
]
header = [f"{name}: {c.residual:g}, {c.entropy:g}, {c.position:g}" for name, c in CRITERIA.items()]
display(Markdown(cards.table(["localized places", *header], lines)))
both_at = (0.0, -80.0)
say("phase-both-entropy", probability(diagrams["T64-d128-causal"]["entropy"].loc[both_at], 3))
say("phase-both-residual", probability(diagrams["T64-d128-causal"]["residual"].loc[both_at], 3))
say("phase-causal-uniform", probability(diagrams["T64-d128-causal"]["residual"].loc[0.0, 0.0], 3))
for name in ("T64-d32", "T64-d128", "T64-d512"):
    numbers = diagrams[name]
    say(f"phase-large-{name}", probability(numbers["entropy"].loc[0.0, 320.0], 3))
    say(f"phase-count-{name}", f"{len(places(phases[name]))}")
mine = set(places(phase))
say("phase-two-point", f"{len(mine ^ set(places(phases['T64-d128-two-point'])))}")
core = set.intersection(*(set(places(regimes(main, c))) for c in CRITERIA.values()))
say("phase-core", f"{len(core)}")
say("phase-core-smallest", f"{min(eta for eta, _ in core if eta > 0):g}")
say("phase-core-largest", f"{max(eta for eta, _ in core):g}")
say("phase-core-deviation", f"{max(s for _, s in core):g}")

# %% [markdown]
# The header of the table has the thresholds: residual, entropy, share by position. Those beside ours were chosen afterwards. All diagrams have {glue:text}`phase-places` places.
#
# - **Dimension** sets the right end. With $s = 0$ scores have noise of size $\eta/\sqrt d$. At $\eta = 320$ the entropy is {glue:text}`phase-large-T64-d32`, {glue:text}`phase-large-T64-d128`, {glue:text}`phase-large-T64-d512` for $d = 32, 128, 512$.
# - **A causal mask** keeps tokens different even when attention is uniform (residual {glue:text}`phase-causal-uniform`: early tokens average few). A negative mean then sends every query to the first token, and **both collapses come at once**: at $\eta = -80$, $s = 0$ the
#   entropy is {glue:text}`phase-both-entropy` and the residual {glue:text}`phase-both-residual`. The two are not opposites.
# - **Independent tokens**, the control, localize only around $\eta = 160$, and there each query attends to itself.
# - **Two-point spectrum**: {glue:text}`phase-two-point` places differ. Of these two spectra mean and deviation decide, not the shape.
# - **Thresholds** move the edge, not the core. {glue:text}`phase-core` places are localized under all three sets, up to $\eta$ = {glue:text}`phase-core-largest` and $s$ = {glue:text}`phase-core-deviation`; for a positive mean they begin at $\eta$ = {glue:text}`phase-core-smallest`.

# %% tags=["hide-input"]
figure, panels = plt.subplots(3, 1, figsize=(7.2, 7.8), sharex=True)
for axes, (name, criterion) in zip(panels, CRITERIA.items(), strict=True):
    table = regimes(main, criterion)
    regime_map(axes, table)
    outline(axes, table == "localized")
    axes.set(
        title=f"{name}: residual {criterion.residual:g}, entropy {criterion.entropy:g}, position {criterion.position:g}",
        ylabel="deviation s",
    )
panels[-1].set_xlabel("η")
figures.show(
    figure,
    name="localization-thresholds",
    caption="$T = 64$, $d = 128$ under three sets of thresholds. R rank collapse, E entropy collapse, L localized, C driven by content.",
    alt="Three grids of letters. The localized region shrinks from lenient to strict on its outer edges and keeps its center at small deviation and eta 5 to 40.",
    provenance=found.provenance,
)

# %% [markdown]
# ## Verdict
#
# *"Small variance prevents both collapses"*: the first version of the abstract says **prevents**, the published one **can prevent**. The numbers side with *can*.

# %% tags=["hide-input"]
cells = {
    "zero": (0.0, 0.0, "mean zero: uniform, rank collapse"),
    "small": (1.25, 0.0, "mean too near zero: still rank collapse"),
    "good": (20.0, 0.0, "**localized**, neither collapse"),
    "noise": (160.0, 0.0, "content noise takes over: no longer localized"),
    "far": (320.0, 0.0, "entropy collapse, by content noise"),
    "negative": (-80.0, 0.0, "entropy collapse, by position: the first tokens"),
    "content": (0.0, 4.0, "neither collapse, without small variance: by content"),
    "wide": (0.0, 64.0, "no rank collapse either; entropy pays"),
}
lines = []
for eta, s, words in cells.values():
    numbers = [probability(main[q].loc[s, eta], 3) for q in main]
    lines.append([f"{eta:g}".replace("-", "−"), f"{s:g}", *numbers, words])
display(Markdown(cards.table(["η", "s", "entropy", "residual", "by position", "by content", "what it shows"], lines)))
lowest = phase.loc[0.0]
say("phase-row", f"{len(lowest)}")
good = [eta for eta, s in places(phase) if s == 0 and eta > 0]
say("phase-good-from", f"{min(good):g}")
say("phase-good-to", f"{max(good):g}")
say("phase-least-residual", probability(main["residual"].loc[4.0:].min(axis=None), 3))
say("phase-row-collapsed", f"{lowest.str.contains('collapse').sum()}")

# %% [markdown]
# - **Where it holds.** With $s = 0$ and $\eta$ from {glue:text}`phase-good-from` to {glue:text}`phase-good-to`: entropy left, different tokens, and position decides. This is the statement's core, and it stands.
# - **Not sufficient.** Of the {glue:text}`phase-row` places with no variance at all, {glue:text}`phase-row-collapsed` are collapsed: at $\eta$ near 0 and far from it, sooner on the negative side.
# - **Not necessary.** {glue:text}`phase-count-C` of {glue:text}`phase-places` places have neither collapse and are driven by content. From $s = 4$ on no residual is below {glue:text}`phase-least-residual`, whatever the mean: large variance avoids rank collapse too.
# - **What small variance does buy**: localization, and at moderate length more entropy for the same residual.
#
# The two claims as the {doc}`scorecard </_executed/back_matter/scorecard>` judges them, by rules that stay inside the regime the claims name:

# %% tags=["hide-input"]
for box in claim_boxes(["bao2024-localization", "bao2024-collapses"]).values():
    display(Markdown(box))

# %% [markdown]
# **In practice.** Look at both numbers of a head, never at its entropy alone: $H$ near 1 may be a rank collapse, $H$ near ½ may be a healthy head that reads content. Split $1 - H$ into $L$ and $C$ over a batch; it costs one mean map. A penalty on the variance of the spectrum pushes
# a head toward position. Whether a head should be there is another question ({doc}`/_executed/localization/locater`).
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Two sequences
# :label: ex-localization-split
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# One query, four keys, two sequences. In the first it attends to key 1 alone, in the second with ½ each to keys 1 and 2. Which share of $\ln 4$ is the concentration *by content*?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-localization-split
# :class: dropdown
# :label: sol-localization-split
# ```

# %% [markdown]
# The mean row is $(\frac34, \frac14, 0, 0)$. Content explains the entropy of the mean less the mean entropy.

# %%
rows = torch.tensor([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0]], dtype=torch.float64)
by_content = (entropy(rows.mean(0, keepdim=True)) - entropy(rows).mean()) / math.log(4)
print(exercises.check_split(by_content.item()))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Noise without variance
# :label: ex-localization-noise
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# $W$ is a multiple of the identity ($s = 0$), $d = 128$. The last token's coordinates are independent standard normal numbers. At which $\eta$ does its score on itself have the standard deviation 1, so that content begins to matter?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-localization-noise
# :class: dropdown
# :label: sol-localization-noise
# ```

# %% [markdown]
# $W = \eta/\sqrt d\; I$, so the score is $\eta\,\|x_T\|^2/d$. $\|x_T\|^2$ has the variance $2d$: the deviation is $\eta\sqrt{2/d}$.

# %%
print(exercises.check_noise(math.sqrt(128 / 2)))

# %% [markdown]
# ```{solution-end}
# ```

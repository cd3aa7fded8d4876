# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # What survives depth
#
# One layer with a small deviation $s$ and a mean away from zero is localized and keeps its tokens apart ({doc}`/_executed/localization/phase_diagram`). The theory of Bao 2024 {cite}`bao2024` is about one layer. **What do six of them leave?**
#
# Little. What holds out is a *large* mean without deviation, if tokens are normalized, and best with a residual on top ({numref}`fig-localization-depth`). The experiment is ours, and so is every number on this page.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from attention_atlas import cards, figures, results
from attention_atlas.exercises import localization_phase as exercises
from attention_atlas.experiments import localization_depth
from attention_atlas.wording import probability, say

figures.style()
found = results.obtain(localization_depth, profile)
table = found.table.set_index(["point", "quantity", "layer"]).sort_index()
size = next(iter(localization_depth.configurations(found.table["profile"].iloc[0]).values()))
KINDS = {
    "plain-none": "neither",
    "plain-rms": "RMS only",
    "residual-none": "residual only",
    "residual-rms": "residual and RMS",
}
LOOKS = dict(zip(localization_depth.SPECTRA, (("muted", "o", "-"), ("step1", "s", "-"), ("step4", "^", "-"), ("step8", "D", "-"), ("orange", "v", "--"), ("red", "P", "--"), ("purple", "X", ":")), strict=True))  # fmt: skip

# %% tags=["hide-input"]
QUANTITIES = {"diversity": "diversity", "entropy": "entropy", "by_position": "by position"}
figure, panels = plt.subplots(3, 4, figsize=(7.2, 6.6), sharex=True, sharey="row")
for column, (kind, title) in enumerate(KINDS.items()):
    panels[0, column].set_title(title, fontsize=10.5)
    panels[-1, column].set_xlabel("layer")
    for axes, quantity in zip(panels[:, column], QUANTITIES, strict=True):
        for (eta, s), (color, marker, line) in LOOKS.items():
            curve = table.loc[(f"eta{eta:g}-s{s:g}-{kind}", quantity), "mean"]
            axes.plot(
                curve.index,
                curve,
                line,
                color=figures.PALETTE[color],
                marker=marker,
                markersize=4,
                linewidth=1.3,
                label=f"η = {eta:g}, s = {s:g}",
            )
        axes.set(ylim=(-0.03, 0.63) if quantity == "diversity" else (-0.04, 1.06), xticks=[0, 2, 4, 6])
for axes, label in zip(panels[:, 0], QUANTITIES.values(), strict=True):
    axes.set_ylabel(label)
figure.legend(
    *panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, columnspacing=1.2, handletextpad=0.4
)
figures.show(
    figure,
    name="localization-depth",
    caption=f"Six layers, $T = {size.tokens}$, $d = {size.d_model}$, {size.sequences} sequences. *Diversity* is the share of the tokens' norm that is not their mean (layer 0: the input). *Entropy* and *by position* are shares of $\\ln T$, of each layer's attention.",
    alt="Twelve panels. Diversity falls to zero in all panels but the last, where one curve, eta 80 and s 0, stays near a quarter. Entropy rises to one without a residual and with RMS normalization, and falls to zero with a residual only. "
    "By position vanishes except with a residual: without normalization it rises for deviation zero; with it only the curve for eta 80 stays clearly above zero.",
    provenance=found.provenance,
)
last = {
    kind: {
        spectrum: {
            q: table.loc[(f"eta{spectrum[0]:g}-s{spectrum[1]:g}-{kind}", q, 6), "mean"]
            for q in ("diversity", "entropy", "by_position", "by_content")
        }
        for spectrum in LOOKS
    }
    for kind in KINDS
}
best = {kind: max(values, key=lambda spectrum: values[spectrum]["diversity"]) for kind, values in last.items()}
for kind, spectrum in best.items():
    say(f"depth-best-{kind}", f"η = {spectrum[0]:g}, s = {spectrum[1]:g}")
    say(f"depth-best-diversity-{kind}", probability(last[kind][spectrum]["diversity"], 3))
    others = [values["diversity"] for other, values in last[kind].items() if other != spectrum]
    say(f"depth-others-diversity-{kind}", probability(max(others), 3))
for quantity in ("diversity", "entropy", "by_position", "by_content"):
    say(f"depth-kept-{quantity}", probability(last["residual-rms"][(80.0, 0.0)][quantity], 3))
    say(f"depth-wide-{quantity}", probability(last["residual-rms"][(20.0, 16.0)][quantity], 3))
    say(f"depth-twenty-{quantity}", probability(last["residual-rms"][(20.0, 0.0)][quantity], 3))
    say(f"depth-growing-{quantity}", probability(last["residual-none"][(20.0, 0.0)][quantity], 3))
say("depth-input", probability(table.loc[("eta0-s0-plain-none", "diversity", 0), "mean"], 3))
say("depth-single", probability(table.loc[("eta20-s0-residual-rms", "by_position", 1), "mean"], 3))
uniform = table.loc[("eta0-s0-residual-none", "diversity", 6), "mean"]
say("depth-uniform", probability(uniform, 4))
say("depth-uniform-theory", probability((1 + 4**6 * (2 * size.tokens + 1) / (size.tokens - 1)) ** -0.5, 4))
lowest_plain = min(values["entropy"] for kind in ("plain-none",) for values in last[kind].values())
say("depth-plain-entropy", probability(lowest_plain, 3))
highest_growing = max(values["entropy"] for spectrum, values in last["residual-none"].items() if spectrum != (0.0, 0.0))
say("depth-growing-highest", probability(highest_growing, 3))

# %% [markdown]
# ## The stack
#
# Every layer has symmetric weights with the same eigenvalues, in a random basis of its own, and no values: $x \leftarrow A x$, plus $x$ with a residual, and every token rescaled to norm $\sqrt d$ with RMS normalization. Seven spectra, four stacks each. The *diversity* of tokens is
# $\|X - \mathbf 1\bar x^\top\|/\|X\|$: 0 when all are equal, and {glue:text}`depth-input` for a random walk.
#
# ## Four ways to end
#
# **Neither residual nor normalization.** Averages of averages: the tokens become equal whatever the spectrum is, and equal tokens have equal scores. In layer 6 no entropy is below {glue:text}`depth-plain-entropy`. Rank collapse *brings* uniform attention.
#
# **RMS only.** The same, later. Scores cannot shrink with the norm of the tokens any more, but they are nearly equal all the same when the tokens are. The largest mean holds out longest: {glue:text}`depth-best-plain-rms` ends at a diversity of {glue:text}`depth-best-diversity-plain-rms`, the next at {glue:text}`depth-others-diversity-plain-rms`.
#
# **Residual only.** Norms up to double in every layer, so scores up to quadruple: all entropies fall, to {glue:text}`depth-growing-highest` at most (uniform attention, at zero scores, excepted). At the same time the common part of the tokens doubles and their differences grow far less. **Both collapses, together.** At $\eta = 20$, $s = 0$ the last layer has
# the entropy {glue:text}`depth-growing-entropy` and the diversity {glue:text}`depth-growing-diversity`, and its attention is mostly *by position*, {glue:text}`depth-growing-by_position`. Localized in our sense it is not: its entropy has collapsed.
#
# **Residual and RMS.** The stack that keeps most. {glue:text}`depth-best-residual-rms` keeps a diversity of {glue:text}`depth-best-diversity-residual-rms`; the next best has {glue:text}`depth-others-diversity-residual-rms`.

# %% tags=["hide-input"]
lines = []
for (eta, s), numbers in last["residual-rms"].items():
    errors = table.loc[(f"eta{eta:g}-s{s:g}-residual-rms", "diversity", 6), "standard_error"]
    one = table.loc[f"eta{eta:g}-s{s:g}-residual-rms"]["mean"]
    lines.append(
        [
            f"{eta:g}", f"{s:g}", f"{probability(numbers['diversity'], 3)} ± {probability(errors, 3)}", *[probability(numbers[q], 3) for q in ("entropy", "by_position", "by_content")],
            *[probability(one[q, 1], 3) for q in ("by_position", "by_content")],
        ]
    )  # fmt: skip
display(
    Markdown(
        cards.table(
            [
                "η",
                "s",
                "diversity, layer 6",
                "entropy",
                "by position",
                "by content",
                "by position, layer 1",
                "by content, layer 1",
            ],
            lines,
        )
    )
)

# %% [markdown]
# With a residual and RMS normalization, layer 6. Read it against one layer:
#
# - **What one layer calls localized does not last.** $\eta = 20$, $s = 0$ explains {glue:text}`depth-single` of $\ln T$ by position in layer 1 and {glue:text}`depth-twenty-by_position` in layer 6; its entropy is {glue:text}`depth-twenty-entropy` then, its diversity {glue:text}`depth-twenty-diversity`. It drifts toward rank collapse, only slower than the rest.
# - **A larger mean does.** $\eta = 80$, $s = 0$ has the entropy {glue:text}`depth-kept-entropy` and the diversity {glue:text}`depth-kept-diversity` in layer 6, and position still explains more than content: {glue:text}`depth-kept-by_position` to {glue:text}`depth-kept-by_content`.
# - **Large variance is no substitute.** $\eta = 20$, $s = 16$ avoided rank collapse in one layer. In layer 6 its diversity is {glue:text}`depth-wide-diversity` and its attention nearly uniform, {glue:text}`depth-wide-entropy`.
#
# Our reading: the reason is the same for all. Attention averages, an average pulls tokens together, and closer tokens have flatter scores. What holds against it is a drift large enough to be felt between neighbors that are already close, that is $\eta$ times a small distance. Small variance alone does not give that; a small variance *at a
# large mean* does.
#
# **A check by hand.** Uniform attention with a residual and no normalization keeps every difference and doubles the mean. From that the diversity in layer 6 is {glue:text}`depth-uniform-theory` (exercise); measured: {glue:text}`depth-uniform`.
#
# **In practice.** A single-layer diagnosis of a spectrum says nothing about a deep stack. Measure diversity in the last layer, not entropy in the first. This model has no values, no feed-forward layers and no training; they may do what the spectrum does not.
#
# ## Exercise

# %% [markdown]
# ```{exercise-start} Six averages
# :label: ex-localization-averaging
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# Tokens are a long random walk. Six layers of uniform attention with a residual, no normalization. What is the diversity in the end? (Take it squared as a ratio of expected squares. For the input it is then $\frac13$.)

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-localization-averaging
# :class: dropdown
# :label: sol-localization-averaging
# ```

# %% [markdown]
# Write a token as the mean plus what differs, $x = m + c$. A layer gives $m + (m + c) = 2m + c$: $c$ stays, $m$ doubles. At the start $\|c\|^2 : \|m\|^2 = \frac13 : \frac23$ per token, after six layers $\frac13 : \frac23\, 4^6$.

# %%
print(exercises.check_averaging((1 + 2 * 4**6) ** -0.5))

# %% [markdown]
# ```{solution-end}
# ```

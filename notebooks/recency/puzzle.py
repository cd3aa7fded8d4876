# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # The puzzle: an early bias, turned around
#
# Causal attention prefers the beginning of the text. Put a LayerNorm into the same stack, which knows nothing about
# positions, and attention prefers the end. Why?
#
# {numref}`fig-recency-puzzle` has no weights, no training and no positional encoding in it. Only random tokens, a causal
# mask, and a normalization that is there or not.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed
example_seed: int = 0  # which random sequence is shown in the worked row

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
from IPython.display import Markdown, display
from myst_nb import glue

from attention_atlas import figures
from attention_atlas.drawing.recency import probability, score_maps, with_error
from attention_atlas.exercises import recency_puzzle as exercises
from attention_atlas.experiments import recency
from attention_atlas.outcomes import recency_points
from attention_atlas.outcomes.recency_points import Points
from attention_atlas.simulation.gram import GramSimulator
from attention_atlas.simulation.model import Model

figures.style()
ROWS = {  # the four rows of the paper's figures
    "plain": "α = 0\nno LayerNorm",
    "layernorm": "α = 0\nLayerNorm",
    "anisotropic": "α = .5\nLayerNorm",
    "residual": "α = .5, LayerNorm\n+ residual",
}
printed = recency_points.printed().set_index(recency_points.KEY)["recency_probability"].sort_index()


def say(name, value):
    glue(name, value, display=False)


# %% tags=["hide-input"]
shown = {  # label: point, color, marker, line, settings of the paper's values
    "LayerNorm": ("norm-d16-layernorm-0.5", "blue", "o", "-", (0.5, 1, 0, 16)),
    "LayerNorm, residual": ("placement-d16-raw", "green", "^", "-", (0.5, 1, 1, 16)),
    "LayerNorm, no mask": ("control-full-layernorm", "muted", "D", ":", None),
    "no LayerNorm": ("norm-d16-none-0.5", "orange", "s", "--", None),
}
ours = Points([point for point, *_ in shown.values()], profile)
figure, axes = plt.subplots(figsize=(7.2, 3.7))
axes.axhline(0.5, color=figures.PALETTE["line"], linewidth=1)
for label, (point, color, marker, line, setting) in shown.items():
    values = ours.recency(point)["mean"].loc[:8]
    axes.plot(values.index, values, line, color=figures.PALETTE[color], marker=marker)
    place, below = values.index[-1], -12 if label == "LayerNorm, no mask" else 0
    axes.annotate(label, (place, values.iloc[-1]), (8, below), textcoords="offset points", va="center", fontsize=10)
    if setting:
        axes.plot(
            range(1, 5), printed.loc[setting], linestyle="", marker="o", markersize=11, markerfacecolor="none",
            markeredgecolor=figures.PALETTE["ink"], markeredgewidth=1,
        )  # fmt: skip
axes.plot(
    [], [], linestyle="", marker="o", markersize=11, markerfacecolor="none",
    markeredgecolor=figures.PALETTE["ink"], label="printed in the paper",
)  # fmt: skip
axes.legend(loc="upper left")
axes.annotate("prefers later tokens", (6.6, 0.54), fontsize=9.5, color=figures.PALETTE["muted"])
axes.annotate("prefers earlier tokens", (6.6, 0.43), fontsize=9.5, color=figures.PALETTE["muted"])
axes.set(xlim=(0.8, 10.3), ylim=(-0.02, 1.03), xticks=range(1, 9), xlabel="layer", ylabel="recency probability")
last = {label: ours.recency(point)["mean"] for label, (point, *_) in shown.items()}
figures.show(
    figure,
    name="recency-puzzle",
    caption="How often a query scores the later of two keys higher: 10 random tokens with cosines of about α = .5 in 16 "
    f"dimensions, {ours.sequences} sequences. One LayerNorm per layer turns an early bias "
    f"({probability(last['no LayerNorm'].loc[8], 3)} in layer 8) into recency ({probability(last['LayerNorm'].loc[8], 3)}).",
    alt="Recency probability over eight layers. All curves start at one half. With LayerNorm the curve rises to nearly "
    "1, with LayerNorm and residual to 0.8, without a causal mask it stays at one half, and without LayerNorm it falls "
    "to nearly 0. The paper's printed values lie on the curves.",
    provenance=ours.provenance,
)

# %% [markdown]
# ## What is measured
#
# **The stack** <span class="atlas-origin">official code</span>. Token $t$ of a sequence of $S = 10$ is
# $x_t = (g_t + \ell c)/\sqrt d$: noise $g_t$ of its own and a direction $c$ that the sequence shares, all Gaussian. With
# $\ell = \sqrt{\alpha/(1-\alpha)}$ two tokens have the cosine $\alpha$ in expectation: $\alpha = 0$ is isotropic, $\alpha \to 1$ strongly
# anisotropic {cite}`kim2026`. A layer computes
#
# $$
# h = N(x), \qquad A_{ik} = \frac{\langle h_i, h_k\rangle}{\sqrt d}, \qquad x \leftarrow \mathrm{softmax}(A)\,h \;\;(+\,x) ,
# $$ (eq-recency-layer)
#
# with $N$ a LayerNorm without gain and bias or nothing at all, and the softmax over keys $k \le i$. The scores $A$ enter the
# figures before the softmax.
#
# **The number**. The *recency probability* is the share of triples $j < k < i$ in which query $i$ scores the later key higher,
#
# $$
# \mathrm{RP} = P\,(A_{ik} > A_{ij}), \qquad j < k < i .
# $$ (eq-recency-probability)
#
# One half is no preference. Ten tokens have 120 triples. Take one random sequence ($\alpha = .5$, $d = 16$, LayerNorm) and only its fifth query:

# %% tags=["hide-input"]
simulator = GramSimulator(Model(16, 0.5, layers=3), example_seed)
query, lines = 5, ["| fifth query, scores on key | 1 | 2 | 3 | 4 | later key wins |", "|:--|--:|--:|--:|--:|:--|"]
for layer, seen in enumerate(simulator.layers(simulator.draw(1)), start=1):
    row = seen.gaps[query - 1, : query - 1, 0] + simulator.model.offset
    pairs = [(j, k) for k in range(query - 1) for j in range(k)]
    won = [f"{k + 1} over {j + 1}" for j, k in pairs if row[k] > row[j]]
    cells = " | ".join(f"{score:.3f}" for score in row.tolist())
    lines.append(f"| layer {layer} | {cells} | {len(won)} of {len(pairs)} |")
    say(f"recency-row-{layer}", ", ".join(won) or "none")
display(Markdown("\n".join(lines)))

# %% [markdown]
# In layer 2 the later key wins in these pairs: {glue:text}`recency-row-2`. That is all there is to it; the figures average over all
# queries of millions of such sequences. In layer 1 the order is chance: tokens are exchangeable, so RP is ½ exactly. From layer 2 on
# nothing forces it to be.
#
# ## The paper's figures
#
# Three figures of the paper, simulated again: the mean score of every query on every key, and the recency probability of
# the layer beside the paper's.

# %% tags=["hide-input"]
paper_points = Points(recency.group("maps", profile), profile)


def draw(name, sizes, layers, lead, alt):
    """One of the paper's figures: rows of settings, columns of dimensions and layers."""
    columns = [(d, layer) for d in sizes for layer in layers]
    maps, ours, theirs, noise = [], [], [], []
    for setting in ROWS:
        places = [(f"maps-d{d}-{setting}", layer) for d, layer in columns]
        kinds = [recency_points.setting(paper_points.configs[point]) for point, _ in places]
        maps.append([paper_points.score_map(*place) for place in places])
        ours.append([paper_points.recency(point)["mean"].loc[layer] for point, layer in places])
        theirs.append([printed.loc[(*kind, layer)] for kind, (_, layer) in zip(kinds, places, strict=True)])
        noise.append([paper_points.noise(*place) for place in places])
    figure = plt.figure(figsize=(7.2, 7.6))
    titles = [f"d = {d}, layer {layer}" for d, layer in columns]
    score_maps(figure, maps, titles, list(ROWS.values()), ours, theirs, noise)
    caption = (
        f"{lead} Mean scores before the softmax, {paper_points.sequences} sequences. Every map has its own colors; "
        "below it stand its smallest score and how much larger the largest is, the diagonal left out. The range is at "
        "least eight standard errors wide, so that noise stays near the middle color."
    )
    figures.show(figure, name, caption, alt, paper_points.provenance)


draw(
    "recency-maps-first-layers",
    (16, 64),
    (1, 2),
    "Layers 1 and 2 in 16 and 64 dimensions.",
    "Sixteen triangular heat maps. Layer 1 is flat everywhere. In layer 2 without LayerNorm every row is flat and rows "
    "get darker downwards; with LayerNorm and alpha one half every row gets brighter to the right, towards later keys.",
)

# %% [markdown]
# Look at the rows of layer 2. Without LayerNorm they are **flat**: a query scores all keys before it alike
# ({prf:ref}`prop-flat-inner`), whatever they have averaged. With LayerNorm and $\alpha = .5$ they **rise to the right**. Nothing else
# has changed. That is the whole effect, and {doc}`/_executed/recency/proof` shows it with a ruler: later tokens average more
# vectors, averages are shorter, and LayerNorm makes them long again. A residual keeps the rise and makes it smaller. With $\alpha = 0$ a trace of
# it is left in 16 dimensions and none that we could see in 64.

# %% tags=["hide-input"]
draw(
    "recency-maps-next-layers",
    (16, 64),
    (3, 4),
    "Layers 3 and 4 of the same stacks.",
    "Sixteen triangular heat maps of layers 3 and 4. Without LayerNorm every row now falls to the right, towards later "
    "keys. With LayerNorm and alpha one half every row rises more steeply than in layer 2.",
)

# %% [markdown]
# Two layers further the two worlds are apart. Without LayerNorm the rows now **fall** to the right: early tokens win nearly
# always. With it recency grows from layer to layer.

# %% tags=["hide-input"]
draw(
    "recency-maps-wide",
    (256, 1024),
    (1, 2),
    "Layers 1 and 2 in 256 and 1024 dimensions.",
    "Sixteen triangular heat maps in 256 and 1024 dimensions. With LayerNorm and alpha one half layer 2 still rises to "
    "the right at 256 dimensions, by little; at 1024 nothing but noise is left.",
)

# %% [markdown]
# In many dimensions layer 2 shows almost nothing: a token's score on itself grows like $\sqrt d$, so the first layer
# hardly mixes. {doc}`/_executed/recency/alpha` says how much anisotropy it takes to undo that.
#
# ## All 48 numbers
#
# The paper prints no errors. Its numbers come from 10,000,000 sequences and are rounded to four decimals, so we give them
# the standard error that ours would have for as many, plus that of the rounding ($10^{-4}/\sqrt{12}$), and count in combined standard errors.

# %% tags=["hide-input"]
both = recency_points.beside(paper_points)
within = int((both["deviation"].abs() <= 4).sum())
largest = both.loc[both["deviation"].abs().idxmax()]
say("recency-within", f"{within} of {len(both)}")
say("recency-largest", f"{abs(largest['deviation']):.1f}")
largest_place = f"d = {largest['d']:.0f}, α = {largest['alpha']:g}, layer {largest['layer']:.0f}"
say("recency-largest-place", largest_place)
say("recency-rms", f"{recency_points.root_mean_square(both['deviation']):.2f}")
say("recency-largest-difference", f"{(both['ours'] - both['paper']).abs().max():.5f}")

settings = [f"maps-d{d}-{setting}" for setting in ROWS for d in (16, 64, 256, 1024)]
looks = {1: ("muted", "o"), 2: ("blue", "s"), 3: ("orange", "^"), 4: ("green", "D")}
figure, axes = plt.subplots(figsize=(7.2, 4.7))
axes.axvspan(-4, 4, color=figures.PALETTE["line"], alpha=0.25, linewidth=0)
axes.axvline(0, color=figures.PALETTE["line"], linewidth=1)
for layer, (color, marker) in looks.items():
    part = both[both["layer"] == layer]
    kinds = [
        ("residual" if r else "anisotropic" if a else "layernorm") if n else "plain"
        for a, n, r in part[["alpha", "layernorm", "residual"]].itertuples(index=False)
    ]
    height = [
        settings.index(f"maps-d{d}-{kind}") + 0.14 * (layer - 2.5) for d, kind in zip(part["d"], kinds, strict=True)
    ]
    axes.plot(
        part["deviation"], height, linestyle="", marker=marker, color=figures.PALETTE[color], label=f"layer {layer}"
    )
for line in (3.5, 7.5, 11.5):
    axes.axhline(line, color=figures.PALETTE["line"], linewidth=0.8)
axes.set_yticks(range(16), [f"d = {d}" for _ in ROWS for d in (16, 64, 256, 1024)])
axes.tick_params(axis="y", length=0)
for block, label in enumerate(ROWS.values()):
    axes.annotate(label, (1.01, 4 * block + 1.5), xycoords=("axes fraction", "data"), va="center", fontsize=9.5)
reach = max(5, math.ceil(both["deviation"].abs().max()) + 1)
axes.set(ylim=(15.6, -0.6), xlim=(-reach, reach), xlabel="ours − paper, in combined standard errors")
axes.grid(axis="y", visible=False)
figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4)
figures.show(
    figure,
    name="recency-all-48",
    caption=f"All {len(both)} printed recency probabilities against ours ({paper_points.sequences} sequences each). Shaded: "
    f"four combined standard errors. {within} lie inside; the largest deviation is {abs(largest['deviation']):.1f} ({largest_place}).",
    alt="Forty-eight markers in sixteen lines, one line for each dimension and setting, scattered around zero.",
    provenance=paper_points.provenance,
)

# %% tags=["hide-input"]
lines = [
    "::::{dropdown} All values: paper, ours (standard error of the last digits), deviation",
    "",
    "| setting | d | layer | paper | ours | deviation |",
]
lines.append("|:--|--:|--:|--:|--:|--:|")
for row in both.sort_values(["layernorm", "alpha", "residual", "d", "layer"]).itertuples():
    setting = f"α = {row.alpha:g}, {'LayerNorm' if row.layernorm else 'no LayerNorm'}{', residual' * row.residual}"
    lines.append(
        f"| {setting} | {row.d} | {row.layer} | {probability(row.paper)} "
        f"| {with_error(row.ours, row.standard_error)} | {row.deviation:+.1f} |"
    )
display(Markdown("\n".join([*lines, "::::"])))

# %% [markdown]
# {glue:text}`recency-within` agree within four combined standard errors. The largest deviation is {glue:text}`recency-largest`
# ({glue:text}`recency-largest-place`), the largest difference {glue:text}`recency-largest-difference`, and the root mean square of all deviations is
# {glue:text}`recency-rms`, where independent numbers of the same model would have 1. (Layers of one run share their sequences, so these 48 are not quite independent.)
#
# We did not repeat the paper's computation. Ours never draws a $d$-dimensional vector ({doc}`/_executed/recency/gram`).
#
# ## Take one thing away

# %% tags=["hide-input"]
cases = {
    "LayerNorm, causal": ("norm-d16-layernorm-0.5", 3),
    "no LayerNorm": ("norm-d16-none-0.5", 3),
    "not causal": ("control-full-layernorm", 3),
    "neither": ("control-full-none", 3),
}
controls = Points([*(point for point, _ in cases.values()), "depth-layernorm-0.0"], profile)
maps = [[controls.score_map(point, layer) for point, layer in cases.values()]]
values = [[controls.recency(point)["mean"].loc[layer] for point, layer in cases.values()]]
noise = [[controls.noise(point, layer) for point, layer in cases.values()]]
figure = plt.figure(figsize=(7.2, 2.75))
score_maps(figure, maps, list(cases), recency=values, least_range=noise)
figures.show(
    figure,
    name="recency-controls",
    caption="Layer 3 at α = .5 in 16 dimensions: the effect, and what is left of it when one part is missing. Colors and "
    f"numbers as in {{numref}}`fig-recency-maps-first-layers`; {controls.sequences} sequences.",
    alt="Four heat maps of layer 3. With LayerNorm and a causal mask rows rise to the right. Without LayerNorm they fall. "
    "Without the mask there is no pattern, with or without LayerNorm.",
    provenance=controls.provenance,
)
for name, point in {"effect": "norm-d16-layernorm-0.5", "plain": "norm-d16-none-0.5", "full": "control-full-layernorm",
                    "neither": "control-full-none"}.items():  # fmt: skip
    say(f"recency-control-{name}", with_error(*controls.recency(point).loc[3]))
isotropic = controls.recency("depth-layernorm-0.0")
say("recency-isotropic-3", with_error(*isotropic.loc[3]))
for layer in (16, 64):
    say(f"recency-isotropic-{layer}", probability(isotropic["mean"].loc[layer], 2))

# %% [markdown]
# | layer 3, $d = 16$, $\alpha = .5$ | recency probability | |
# |:--|:--|:--|
# | LayerNorm, causal | {glue:text}`recency-control-effect` | recency |
# | no LayerNorm | {glue:text}`recency-control-plain` | early bias: **the norm makes recency, the mask alone makes its opposite** |
# | not causal | {glue:text}`recency-control-full` | nothing, and ½ exactly in expectation: without a mask tokens stay exchangeable |
# | neither | {glue:text}`recency-control-neither` | the same |
# | LayerNorm, causal, $\alpha = 0$ | {glue:text}`recency-isotropic-3` | next to nothing *here* |
#
# (In parentheses: the standard error of the last digits.) The last line is not a control in the strict sense. Isotropic tokens postpone recency; they do not prevent it. By layer 16
# the same stack has {glue:text}`recency-isotropic-16`, by layer 64 {glue:text}`recency-isotropic-64`.
# {doc}`/_executed/recency/depth` follows all of them down.
#
# ## The four claims

# %% tags=["hide-input"]
sweep = Points(["alpha-0.2-none", "alpha-0.8-none"], profile)
maps_of = {setting: paper_points.recency(f"maps-d16-{setting}")["mean"] for setting in ROWS}
deep = Points(["placement-d16-raw"], profile)
for setting, values in maps_of.items():
    for layer in range(1, 5):
        say(f"recency-{setting}-{layer}", probability(values.loc[layer]))
say("recency-plain-64-4", probability(paper_points.recency("maps-d64-plain")["mean"].loc[4]))
say("recency-layernorm-64-4", probability(paper_points.recency("maps-d64-layernorm")["mean"].loc[4]))
say("recency-anisotropic-1024-2", probability(paper_points.recency("maps-d1024-anisotropic")["mean"].loc[2]))
for alpha in (0.2, 0.8):
    say(f"recency-alpha-{alpha}", probability(sweep.recency(f"alpha-{alpha}-none")["mean"].loc[4]))
say("recency-residual-64-layers", probability(deep.recency("placement-d16-raw")["mean"].loc[64], 3))

# %% [markdown]
# The abstract of {cite}`kim2026` makes four claims. In this model, at $d = 16$ where nothing else is said:
#
# | claim <span class="atlas-origin">paper</span> | what we find |
# |:--|:--|
# | Causal attention alone is biased toward early tokens. | **Holds from layer 3 on.** RP {glue:text}`recency-plain-2`, {glue:text}`recency-plain-3`, {glue:text}`recency-plain-4` in layers 2 to 4; {glue:text}`recency-plain-64-4` in layer 4 at $d = 64$. In layer 2 there is next to none. |
# | With LayerNorm the bias becomes recency. | **Holds for anisotropic tokens**: {glue:text}`recency-anisotropic-2`, {glue:text}`recency-anisotropic-3`, {glue:text}`recency-anisotropic-4` at $\alpha = .5$. At $\alpha = 0$ four layers reach {glue:text}`recency-layernorm-4` ($d = 64$: {glue:text}`recency-layernorm-64-4`): the early bias is gone, recency has hardly begun. |
# | Residual connections weaken it but do not remove it. | **Holds.** {glue:text}`recency-residual-2`, {glue:text}`recency-residual-3`, {glue:text}`recency-residual-4` in place of the line above. After 64 layers: {glue:text}`recency-residual-64-layers`. |
# | Anisotropy amplifies it. | **Holds.** Layer 4: {glue:text}`recency-alpha-0.2` at $\alpha = .2$, {glue:text}`recency-anisotropic-4` at .5, {glue:text}`recency-alpha-0.8` at .8. |
#
# The second claim depends on the dimension, too: at $d = 1024$ and $\alpha = .5$ layer 2 has {glue:text}`recency-anisotropic-1024-2`.
#
# ## What a practitioner takes away
#
# - **A norm can do the work of a positional encoding.** The mask orders the tokens, and the norm makes that order visible to scores. Removing,
#   moving or replacing LayerNorm changes where a model without positional encoding can look ({doc}`/_executed/recency/norms`).
# - **Two biases, two quantities.** The early bias of the chapter on {doc}`position bias </position_bias/overview>` is about where *information* ends up after many
#   layers. Recency is about what *scores* prefer. They do not contradict each other; {doc}`/_executed/recency/depth` shows that they are one process.
# - **Measure scores before the softmax.** A recency probability needs no scale, only an order, and can be taken from any head.
#   Report its standard error: with 120 triples that share their scores a sequence is far less than 120 coins.
# - **It is a toy.** No weights, no feed-forward layers, ten tokens. It shows what the architecture does by itself, before training pushes back.
#
# Next: why this happens, in pictures and in full. {doc}`/_executed/recency/proof`
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Count it by hand
# :label: ex-recency-count
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 10 minutes
#
# Five tokens have these scores. What is the recency probability?
#
# | query | key 1 | key 2 | key 3 | key 4 | key 5 |
# |:--|--:|--:|--:|--:|--:|
# | 1 | 9 | | | | |
# | 2 | 1 | 9 | | | |
# | 3 | 1 | 2 | 9 | | |
# | 4 | 3 | 1 | 2 | 9 | |
# | 5 | 3 | 4 | 2 | 2 | 9 |

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-recency-count
# :class: dropdown
# :label: sol-recency-count
# ```

# %% [markdown]
# The diagonal takes no part, and a tie is no win. Query 3 has one pair of keys, query 4 three, query 5 six: ten triples, and
# in three of them the later key wins.

# %%
triples = [(row[j], row[k]) for row in exercises.SCORES for k in range(len(row) - 1) for j in range(k)]
exercises.check_count(sum(later > earlier for earlier, later in triples) / len(triples))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} How sure is .5015?
# :label: ex-recency-sequences
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# The paper prints .5015 for layer 2 with LayerNorm and $\alpha = 0$. The recency probabilities of single sequences vary with a standard
# deviation of .068 there. How many sequences does it take until .0015 is four standard errors? Why would a hundred coins per
# sequence be the wrong picture?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-recency-sequences
# :class: dropdown
# :label: sol-recency-sequences
# ```

# %% [markdown]
# The standard error of a mean over $n$ sequences is $.068/\sqrt n$, so $n = (4 \cdot .068/.0015)^2$. The 120 triples of a sequence share their scores: independent
# coins would vary by $.5/\sqrt{120} \approx .046$ only. Our own simulation says how much a sequence varies:

# %%
one = paper_points.recency("maps-d16-layernorm")["standard_error"].loc[2]
print(f"{one * math.sqrt(paper_points.configs['maps-d16-layernorm'].sequences):.3f}")
exercises.check_sequences((4 * exercises.SPREAD / exercises.EDGE) ** 2)

# %% [markdown]
# ```{solution-end}
# ```

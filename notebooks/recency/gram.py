# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # The simulation needs no vectors
#
# Kim 2026 {cite}`kim2026` simulates ten million sequences of up to 1024 dimensions. How much of all these numbers does an attention score ever see?
#
# Hardly any. A stack without weights sees its tokens only through their inner products, and for Gaussian tokens those can be drawn directly: a small triangle of numbers, whose size does not depend on the dimension ({numref}`fig-gram-idea`).

# %% tags=["parameters"]
sequences: int = 10_000  # sequences of every live comparison by vectors; four times as many by factors
deepest: int = 48  # layers in the test of rounding
deep_sequences: int = 400  # sequences in the test of rounding

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display
from myst_nb import glue

from attention_atlas import figures
from attention_atlas.checks import recency as checks
from attention_atlas.drawing_recency import score_map
from attention_atlas.drawing_signed import signed_map
from attention_atlas.exercises import recency_variants as exercises
from attention_atlas.experiments import recency
from attention_atlas.metrics import recency_probability
from attention_atlas.positions import rope, rope_frequencies
from attention_atlas.simulation.gram import GramSimulator
from attention_atlas.simulation.model import Model
from attention_atlas.simulation.stream import simulate
from attention_atlas.theory.recency.gram import equicorrelated, gram_layer

figures.style()
tokens, alpha = 10, 0.5


def say(name, value):
    glue(name, value, display=False)


# %% tags=["hide-input"]
shown = Model(64, alpha, tokens=tokens)
noise = torch.randn(tokens + 1, 64, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
vectors = (noise[1:] + shown.shared * noise[:1]) / math.sqrt(64)
gram = vectors @ vectors.T
factor = torch.linalg.cholesky(gram).masked_fill(torch.ones_like(gram).triu(1).bool(), torch.nan)
pairs = tokens * (tokens + 1) // 2

figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.0), width_ratios=(2.6, 1, 1))
for axes, map, title in zip(
    panels,
    (vectors, gram, factor),
    (f"tokens $X$: {vectors.numel()} numbers", f"$G=XX^\\top$: {pairs}", f"$L$, $LL^\\top=G$: {pairs}"),
    strict=True,
):
    signed_map(axes, map)
    axes.set_title(title, fontsize=10)
panels[0].set(xlabel="coordinate", ylabel="token", aspect="auto")
panels[1].set(xlabel="token")
panels[2].set(xlabel="coordinate")
figures.show(
    figure,
    name="gram-idea",
    caption=f"One sequence of {tokens} tokens in 64 dimensions, its Gram matrix of inner products, and the triangular factor of that matrix (orange: positive, blue: negative). All three have the same attention scores in every layer. The factor has "
    f"{pairs} numbers in 64 dimensions and in 1024, and its law is known: it can be drawn without drawing the tokens.",
    alt="A wide noisy strip of ten rows, a ten by ten matrix with a strong diagonal, and a lower triangle with a strong diagonal and first column.",
)

# %% [markdown]
# ## Why inner products are enough
#
# ````{prf:proposition} Gram reduction
# :label: prop-gram-reduction
#
# <span class="atlas-origin">derived here</span> Let $X$ hold a layer's raw tokens as rows (with LayerNorm: centered), $G = XX^\top$. The layer's scores are a function of $G$, and so is the Gram matrix of its output:
#
# $$
# G' = M G M^\top , \qquad M = P D + R , \qquad D = \mathrm{diag}(s/\|x_j\|) .
# $$ (eq-gram-layer)
#
# $P$ are the attention weights, $s$ is the norm of a normalized token ($D = I$ without normalization), and $R$ is $0$ without residual, $I$ with the raw and $D$ with the normalized one. So the scores of all layers follow from the first Gram matrix.
# ````
#
# ````{prf:proof}
# Norms are on the diagonal, $\|x_j\|^2 = G_{jj}$. The normalized tokens are $H = DX$. Scores are the entries of $HH^\top = DGD$, up to a constant factor. $P$ is their masked softmax, and the
# output is $PH$ (plus $X$, plus $H$) $= MX$. Hence $G' = MXX^\top M^\top$. Go on by induction.
#
# LayerNorm also centers, $x \mapsto \Pi x = x - \frac1d 11^\top x$. Centering acts on coordinates, mixing and residuals act on tokens, so they commute: the centered output of a layer is the output for centered tokens. Center once, before the first layer; from then on
# LayerNorm is a scaling to norm $\sqrt d$ within the $(d-1)$-dimensional space of centered vectors.
# ````
#
# ````{prf:proposition} The law of the factor
# :label: prop-bartlett
#
# <span class="atlas-origin">derived here</span> For the tokens $x_t = (g_t + \ell c)/\sqrt d$ of Kim 2026 and $n \ge S$, the first Gram matrix has the law of $LL^\top$ with $L = CB/\sqrt d$: $C$ is lower triangular with $CC^\top = I + \ell^2 11^\top$, and $B$ is lower triangular with independent
# entries, standard normals below the diagonal and $\sqrt{\chi^2_n}, \sqrt{\chi^2_{n-1}}, \dots, \sqrt{\chi^2_{n-S+1}}$ on it. Without LayerNorm $n = d$, with it $n = d-1$. Under a causal mask every layer keeps the factor lower triangular.
# ````
#
# ````{dropdown} Proof
# The columns of $X = (G_0 + \ell\,1c^\top)/\sqrt d$ are independent with law $N\bigl(0, (I + \ell^2 11^\top)/d\bigr)$, so $X$ has the law of $CZ/\sqrt d$ with an $S\times d$ matrix $Z$ of independent standard normals. Centering multiplies $Z$ by $\Pi$ from the right. In an orthonormal
# basis of the centered vectors its rows are standard normal in $d-1$ dimensions; the divisor stays $d$.
#
# Write $Z$ ($S \times n$) as $BQ$ by Gram-Schmidt on its rows: $B$ lower triangular with a positive diagonal, the rows of $Q$ orthonormal. Given the first $j-1$ rows, row $j$ is still standard normal. Its components along the $j-1$ directions found so far are independent
# standard normals; the squared length of what is left over is $\chi^2$ with $n-(j-1)$ degrees of freedom and independent of them. None of these laws depends on the earlier rows, so all entries are independent. And $ZZ^\top = BQQ^\top B^\top = BB^\top$: Bartlett's decomposition of
# a Wishart matrix.
#
# A causal $P$ is lower triangular and so is $M$. Therefore $G' = (ML)(ML)^\top$ with $ML$ lower triangular.
# ````
#
# (Cards: {ref}`Gram reduction <card-atlas-gram-reduction>`, {ref}`law of the factor <card-atlas-bartlett>`.)
#
# Read $L$ by rows: row $j$ holds the coordinates of token $j$ in a basis that is built as the tokens come. Token 1 defines the first axis, token 2 the plane, and so on. This is why a causal mask suits it so well: a mixture of the first $j$ tokens lies in the space of the first
# $j$ axes.
#
# ## The check: two simulators, one law
#
# The *direct* simulator draws vectors and passes them through the layers. The *Gram* simulator draws factors. They share no random number and little code, so they can only agree in distribution. RP is the recency probability, with its standard error.

# %% tags=["hide-input"]


def both(first, second=None, seed=1):
    """Tables of the Gram and the direct simulator, and the standard errors between their means."""
    tables = (
        simulate(first, 4 * sequences, seed=seed).table(),
        simulate(second or first, sequences, seed=seed + 100, simulator="direct").table(),
    )
    gap = tables[0]["mean"] - tables[1]["mean"]
    error = (tables[0].standard_error ** 2 + tables[1].standard_error ** 2) ** 0.5
    return *tables, gap / error.where(error > 0)


rows, scatter, worst = [], [], []
for place, d in enumerate((16, 64, 256)):
    model = Model(d, alpha, tokens=tokens)
    by_factor, by_vector, score = both(model, seed=place + 1)
    ask = by_factor.quantity == "recency_probability"
    beside = (by_factor.quantity == "gap") & (by_factor["query"] != by_factor["key"])
    for layer, index in enumerate(by_factor.index[ask], start=1):
        a, b = by_factor.loc[index], by_vector.loc[index]
        rows.append(
            f"| {d} | {layer} | {a['mean']:.4f} ± {a.standard_error:.4f} | {b['mean']:.4f} ± {b.standard_error:.4f} | {score[index]:+.1f} |"
        )
    worst.append(score[ask].abs().max())
    scatter.append((d, (score[beside] ** 2).mean() ** 0.5, score[beside].abs().max()))
    if d == 64:
        config = recency.Config(d, alpha, tokens=tokens)
        maps = [recency.score_map(config, table, 3) for table in (by_factor, by_vector)]
        errors = [recency.score_map(config, table, 3, "standard_error") for table in (by_factor, by_vector)]
        noise = (errors[0] ** 2 + errors[1] ** 2).sqrt()
        difference = ((maps[0] - maps[1]) / noise).masked_fill(torch.eye(tokens).bool(), torch.nan)
        recencies = [table["mean"][ask].iloc[2] for table in (by_factor, by_vector)]
head = [
    "| $d$ | layer | RP, Gram | RP, direct | difference / error |",
    "|--:|--:|--:|--:|--:|",
]
display(Markdown("\n".join(head + rows)))
say("gram-worst-z", f"{max(worst):.1f}")
say("gram-map-rms", ", ".join(f"{rms:.2f}" for _, rms, _ in scatter))
say("gram-map-worst", f"{max(top for *_, top in scatter):.1f}")
say("gram-map-entries", f"{int(beside.sum())}")

# %% [markdown]
# The largest difference of a recency probability is {glue:text}`gram-worst-z` standard errors. The {glue:text}`gram-map-entries` mean scores beside the diagonal differ by a root mean square of {glue:text}`gram-map-rms` standard errors ($d = 16, 64, 256$; 1 is expected), at
# most by {glue:text}`gram-map-worst`. They are no independent tests: all entries of a map come from the same sequences, and a sequence that happens to be more aligned than the others lifts all of its scores.

# %% tags=["hide-input"]
figure, (one, two, three) = plt.subplots(1, 3, figsize=(7.2, 2.9))
score_map(one, maps[0], recency=recencies[0])
score_map(two, maps[1], recency=recencies[1], labels=False)
image = signed_map(three, difference, limit=4.0, corners=False)
one.set_title("by factors", fontsize=10)
two.set_title("by vectors", fontsize=10)
three.set_title("difference / standard error", fontsize=10)
three.spines[:].set_visible(False)
figure.colorbar(image, ax=three, orientation="horizontal", shrink=0.9, pad=0.06, ticks=[-4, -2, 0, 2, 4])
figures.show(
    figure,
    name="gram-agreement",
    caption=f"Mean scores of layer 3 at $d = 64$, $\\alpha = {alpha}$, LayerNorm, no residual, from {4 * sequences:,} factors and from {sequences:,} sequences of vectors. The difference shows no pattern but the common noise of entries that share their sequences.",
    alt="Two score maps that look alike, brightest close to the diagonal, and a pale map of their differences in standard errors, mostly within plus or minus two.",
)

# %% [markdown]
# ## Two controls
#
# A test that passes must be able to fail.
#
# **The wrong degrees of freedom.** Forget that centering takes a dimension and draw $\chi^2_d, \chi^2_{d-1}, \dots$ Since centered tokens are only scaled from then on, this is exactly RMSNorm in place of LayerNorm. Compare it with LayerNorm by vectors.
#
# **Rotary positions.** RoPE turns coordinates, and a Gram matrix does not know coordinates. Take tokens $X$ and the same tokens $XO$ in another orthonormal basis. One Gram matrix, but $\langle R_i x_i, R_j x_j\rangle \ne \langle R_i O x_i, R_j O x_j\rangle$ unless $O$ commutes with the rotations.

# %% tags=["hide-input"]
lines = ["| $d$ | layer 2 | layer 3 | layer 4 |", "|--:|--:|--:|--:|"]
for place, d in enumerate((16, 256)):
    *_, score = both(
        Model(d, alpha, "rmsnorm", tokens=tokens), Model(d, alpha, "layernorm", tokens=tokens), seed=place + 1
    )
    lines.append(f"| {d} | " + " | ".join(f"{value:+.1f}" for value in score[ask].iloc[1:]) + " |")
display(Markdown("\n".join(lines)))

reduction = checks.gram_reduction(20, torch.Generator().manual_seed(4))
turned = checks.gram_reduction_control(20, torch.Generator().manual_seed(4))
say("gram-check-margin", f"{reduction.margin.min():.1f}")
say("gram-control-margin", f"{-turned.margin.max():.1f}")
basis = torch.linalg.qr(torch.randn(64, 64, generator=torch.Generator().manual_seed(5), dtype=torch.float64)).Q
frequencies = rope_frequencies(64)
plain, rotated = [], []
for x in (vectors, vectors @ basis):
    plain.append(x @ x.T)
    rotated.append(rope(x, frequencies) @ rope(x, frequencies).T)
say("gram-basis-plain", f"{(plain[0] - plain[1]).abs().max():.0e}")
say("gram-basis-rope", f"{(rotated[0] - rotated[1]).abs().max():.2f}")

# %% [markdown]
# The table has the differences of the recency probability in standard errors with one degree of freedom too many. At $d = 16$ the mistake cannot be missed. At $d = 256$ one dimension of 256 is within the noise of this many sequences: a test at large $d$ alone would let it pass.
#
# With the tokens of {numref}`fig-gram-idea` and a random basis the plain inner products of $X$ and $XO$ agree to {glue:text}`gram-basis-plain`; after rotation by position they differ by up to {glue:text}`gram-basis-rope`. Over random stacks of any normalization, residual and mask,
# {eq}`eq-gram-layer` agrees with vectors to $10^{-10}$ with {glue:text}`gram-check-margin` decades to spare, and with rotations it misses that by at least {glue:text}`gram-control-margin` decades. The Gram simulator refuses RoPE, and {doc}`/_executed/recency/rope` uses vectors.
#
# ## What it costs
#
# Count multiply-adds per sequence and layer, under a causal mask, as the library's loops do them <span class="atlas-origin">derived here</span>:
#
# | | by vectors | by factors |
# |:--|:--|:--|
# | random numbers per sequence | $(S+1)\,d$ normals | $\tfrac12 S(S-1)$ normals, $S$ chi-squares |
# | scores | $S^2 d$ | $\sum_{c=1}^{S} c^2 = \tfrac16 S(S+1)(2S+1)$ |
# | mixing | $S^2 d$ | $\sum_{k=1}^{S} k\,(S-k+1) = \tfrac16 S(S+1)(S+2)$ |
# | sum | $2 S^2 d$ | $\tfrac12 S (S+1)^2$ |
# | exponentials | $\tfrac12 S(S+1)$ | $\tfrac12 S(S+1)$ |
#
# The ratio is $4 S d/(S+1)^2$, about $4d/S$. A factor has $S$ coordinates in place of $d$, half of them are zero, and the products skip the zeros.

# %% tags=["hide-input"]
dimensions = torch.logspace(math.log2(16), 12, 50, base=2.0, dtype=torch.float64)
figure, axes = plt.subplots(figsize=(7.2, 3.3))
for length, color, marker in ((10, "blue", "o"), (50, "orange", "s")):
    grid = dimensions[dimensions >= length]
    shade = figures.PALETTE[color]
    axes.loglog(
        grid, 2 * length**2 * grid, color=shade, marker=marker, markevery=12, label=f"vectors, {length} tokens", base=2
    )
    axes.loglog(
        grid,
        torch.full_like(grid, length * (length + 1) ** 2 / 2),
        "--",
        color=shade,
        marker=marker,
        markevery=12,
        label=f"factors, {length} tokens",
        base=2,
    )
axes.set_yscale("log", base=10)
axes.set(xlabel="dimension $d$", ylabel="multiply-adds per\nsequence and layer", xticks=[16, 64, 256, 1024, 4096])
axes.xaxis.set_major_formatter("{x:.0f}")
axes.legend(ncols=2, loc="upper left")
axes.set_ylim(top=2e9)
figures.show(
    figure,
    name="gram-cost",
    caption="Operations of one layer on one sequence. A factor needs at least as many dimensions as tokens, $d \\ge S$, so the lines for 50 tokens begin at 50.",
    alt="On logarithmic axes two rising lines for vectors and two flat lines for factors; at 10 tokens and 1024 dimensions they are more than two decades apart.",
)
for d in (16, 1024):
    say(f"gram-ratio-{d}", f"{4 * tokens * d / (tokens + 1) ** 2:.0f}")
say("gram-numbers", f"{(tokens + 1) * 1024 / pairs:.0f}")
say("gram-gigabytes", f"{1e7 * tokens * 1024 * 4 / 1e9:.0f}")

# %% [markdown]
# For the paper's 10 tokens that is {glue:text}`gram-ratio-16` times fewer operations at $d=16$ and {glue:text}`gram-ratio-1024` times fewer at $d=1024$, with {glue:text}`gram-numbers` times fewer random numbers. Held at once, the paper's ten million sequences in 1024 dimensions are
# {glue:text}`gram-gigabytes` GB in float32; both simulators stream, and a chunk of factors is about a megabyte whatever $d$ is. Operations are not seconds: `bench/README.md` has what was measured.
#
# ## Comparing without canceling
#
# In deep layers all cosines tend to 1 ({doc}`/_executed/recency/depth`). Two scores then differ by $\sqrt d\,(\cos_{ik} - \cos_{ij})$, and cosines that are computed as such keep only the digits of $1-\cos$ above $10^{-16}$. The order of the scores, which is all that a recency probability
# asks for, is soon made of rounding errors.
#
# The factor offers a way out <span class="atlas-origin">derived here</span>. Scale every row to norm 1: $f_i$, with first coordinate $f_{i1} = 1 + a_i$ and the others $r_i$. Then
#
# $$
# \cos_{ij} - 1 \;=\; a_i + (1+a_i)\,a_j + \langle r_i, r_j\rangle , \qquad a_i = -\frac{\|r_i\|^2}{1+f_{i1}} .
# $$ (eq-no-cancellation)
#
# The left side is expanded from $(1+a_i)(1+a_j) + \langle r_i, r_j\rangle - 1$; the formula for $a_i$ follows from $f_{i1}^2 = 1-\|r_i\|^2$. Near 1 every term is as small as the result and nothing large is subtracted. It works because the first token is an axis of the factor, and the first token
# is what the others collapse to.

# %% tags=["hide-input"]
model = Model(16, alpha, layers=deepest, tokens=tokens)
simulator = GramSimulator(model, seed=3)
start = simulator.draw(deep_sequences).permute(2, 0, 1).clone()
grams, naive = start @ start.mT, []
for _ in range(deepest):
    scores, _, grams = gram_layer(grams, 16, "layernorm")
    naive.append(recency_probability(scores).item())


def by_layer(kind):
    table = simulate(model, deep_sequences, seed=3, simulator=kind, map_layers=()).table()
    return table["mean"][table.quantity == "recency_probability"].tolist()


curves = {
    "factors, cos − 1": (by_layer("gram"), "blue", "o", "-"),
    "Gram matrices, cos, float64": (naive, "orange", "s", "-"),
    "vectors, cos, float64": (by_layer("direct"), "green", "^", "--"),
    "vectors, cos, float32": (by_layer("direct32"), "purple", "D", ":"),
}
figure, axes = plt.subplots(figsize=(7.2, 3.4))
for label, (values, color, marker, line) in curves.items():
    axes.plot(
        range(1, deepest + 1),
        values,
        line,
        color=figures.PALETTE[color],
        marker=marker,
        markersize=4,
        markevery=3,
        label=label,
    )
axes.axhline(0.5, color=figures.PALETTE["line"], linewidth=0.8)
axes.set(xlabel="layer", ylabel="recency probability", xlim=(1, deepest), ylim=(0, 1.03))
axes.legend(loc="lower left")
figures.show(
    figure,
    name="gram-rounding",
    caption=f"Recency probability over depth, $d=16$, $\\alpha={alpha}$, LayerNorm, no residual, {deep_sequences} sequences. Where the cosines of neighbors agree to the last digit, three of the four curves show rounding: they fall although nothing in the model changes (equal scores count as no preference for the later key).",
    alt="Four curves rise together to nearly 1. The one in float32 falls off first, the two in float64 that work with cosines fall off around layer thirty, and the one that works with cosine minus one stays at 1.",
)


def parts(values):
    """The first layer that is more than 0.01 from the factors' curve of the same draws, or none."""
    return next((layer for layer, (a, b) in enumerate(zip(naive, values, strict=True), 1) if abs(a - b) > 0.01), None)


def falls(values):
    """The first layer after the top that is more than 0.01 below it."""
    top = max(range(deepest), key=lambda layer: values[layer])
    low = next((layer + 1 for layer in range(top, deepest) if values[layer] < values[top] - 0.01), None)
    return str(low) if low else f"after {deepest}"


say("gram-naive-layer", str(parts(curves["factors, cos − 1"][0]) or f"after {deepest}"))
say("gram-direct-layer", falls(curves["vectors, cos, float64"][0]))
say("gram-single-layer", falls(curves["vectors, cos, float32"][0]))
say("gram-naive-end", f"{naive[-1]:.2f}")
say("gram-true-end", f"{curves['factors, cos − 1'][0][-1]:.3f}")
say("gram-ends", f"{-math.log(2.2e-308) / math.log(4):.0f}")

# %% [markdown]
# In {numref}`fig-gram-rounding` the naive Gram recursion starts from the very same draws as ours. They part by more than 0.01 at layer {glue:text}`gram-naive-layer`; at the last layer one says {glue:text}`gram-naive-end`, the other {glue:text}`gram-true-end`. Vectors in float64 fail at layer
# {glue:text}`gram-direct-layer`, in the float32 of the official code at layer {glue:text}`gram-single-layer`. The paper's four layers are far from that. Anyone who looks deeper and finds that recency fades again should look at the digits first. With {eq}`eq-no-cancellation` the differences,
# which fall by a factor of 4 per layer, are lost only when they leave the range of float64, after about {glue:text}`gram-ends` layers of collapse.
#
# ## What to do with it
#
# - Before simulating vectors, ask what the model sees of them. Here it sees inner products, and those of Gaussian tokens have a law that is easier to draw than the tokens.
# - Compare near-equal numbers by their difference from the common value, not by themselves.
# - Test a shortcut where it would fail: at small $d$, where one degree of freedom shows, and in deep layers, where digits run out.
#
# The limits: no trained weights, no RoPE, at least as many dimensions as tokens, Gaussian tokens.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} What is left for the last token
# :label: ex-gram-degrees
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# LayerNorm, $d = 16$, 10 tokens. How many degrees of freedom has the square of the last diagonal entry of $B$?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-gram-degrees
# :class: dropdown
# :label: sol-gram-degrees
# ```

# %% [markdown]
# It is the squared length of the part of token 10 outside the space of the other nine, within the 15 dimensions of centered vectors.

# %%
print(exercises.check_degrees(16 - 1 - 9))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} A layer on a Gram matrix, by hand
# :label: ex-gram-layer
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# Two unit tokens with $\langle x_1, x_2\rangle = \tfrac12$, causal mask, L2 normalization (scores are cosines), no residual. What is the squared norm of token 2 after the layer? Use {eq}`eq-gram-layer`, no vector.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-gram-layer
# :class: dropdown
# :label: sol-gram-layer
# ```

# %% [markdown]
# Token 2 gives itself $q = e/(e + \sqrt e)$ and token 1 $p = 1-q$. Entry (2, 2) of $PGP^\top$ is $p^2 + q^2 + 2pq\cdot\tfrac12$.

# %%
_, weights, after = gram_layer(equicorrelated(2, 0.5), d_model=1, normalization="l2")
p, q = weights[1].tolist()
print(exercises.check_gram_layer(p**2 + q**2 + p * q), "By the library:", round(after[1, 1].item(), 4))

# %% [markdown]
# ```{solution-end}
# ```

# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Where does it end?
#
# Kim 2026 {cite}`kim2026` simulates four layers. What do 64 do?
#
# They go all the way ({numref}`fig-recency-depth`). With LayerNorm the recency probability goes to 1; a residual connection
# decides only how fast. Without normalization it falls, for $d=16$ and $\alpha=.5$ to {glue:text}`depth-nothing-64`. Both are one and the
# same collapse onto the first token, the one of {doc}`/_executed/position_bias/causal_mask`, seen from two sides.

# %% tags=["parameters"]
layers: int = 3000  # depth of the idealized pre-norm stack, at least 200
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display

from attention_atlas import figures, results
from attention_atlas.drawing.recency import score_map
from attention_atlas.exercises import recency_proof as exercises
from attention_atlas.experiments import theorem_margins
from attention_atlas.outcomes.recency_points import Points, printed
from attention_atlas.theory.recency.deep import departure_from_line, offsets, score_gaps
from attention_atlas.theory.recency.gram import equicorrelated, ideal_scores
from attention_atlas.theory.recency.limits import distance_factor, early_limit, log_weight_floor
from attention_atlas.wording import power_of_ten, probability, say, short, signed

figures.style()
blue, orange, green, red, purple, ink, muted = (
    figures.PALETTE[name] for name in ("blue", "orange", "green", "red", "purple", "ink", "muted")
)
stacks = {
    "LayerNorm": "placement-d16-none",
    "post-norm": "placement-d16-normalized",
    "pre-norm": "placement-d16-raw",
    "nothing": "depth-none-0.5",
}
similar = {0.0: "depth-layernorm-0.0", 0.5: "placement-d16-none", 0.9: "depth-layernorm-0.9"}
plain = {0.0: "depth-none-0.0", 0.5: "depth-none-0.5", 0.9: "depth-none-0.9"}
wide = {"LayerNorm": "placement-d64-none", "post-norm": "placement-d64-normalized", "pre-norm": "placement-d64-raw"}
names = list(dict.fromkeys([*stacks.values(), *similar.values(), *plain.values(), *wide.values()]))
points, early = Points(names, profile), Points(["maps-d16-plain"], profile)

# %% tags=["hide-input"]
paper = printed()
paper = paper[(paper["d"] == 16) & ~paper["figure"].str.startswith("alpha")]
looks = {"LayerNorm": (blue, "-", "o"), "post-norm": (green, "--", "s"), "pre-norm": (orange, "-.", "^")}
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 4.0), sharey=True)
for name, (color, line, marker) in (looks | {"nothing": (purple, ":", "D")}).items():
    series = points.recency(stacks[name])["mean"]
    shown = [place for place, layer in enumerate(series.index) if math.log2(layer) % 1 == 0]
    label = {"LayerNorm": "LayerNorm, no residual", "nothing": "no normalization"}.get(name, f"LayerNorm, {name}")
    left.plot(series.index, series, line, color=color, marker=marker, markevery=shown, label=label)
for residual, layernorm in ((0, 1), (1, 1)):
    rows = paper[(paper.alpha == 0.5) & (paper.layernorm == layernorm) & (paper.residual == residual)]
    left.plot(rows.layer, rows.recency_probability, "x", color=ink, markersize=7, zorder=3)
left.plot([], [], "x", color=ink, label="printed in the paper")
for (alpha, point), color in zip(similar.items(), figures.shades(3), strict=True):
    for place, line, marker in ((point, "-", "o"), (plain[alpha], ":", "D")):
        series = points.recency(place)["mean"]
        shown = [index for index, layer in enumerate(series.index) if math.log2(layer) % 1 == 0]
        right.plot(series.index, series, line, color=color, marker=marker, markevery=shown, markersize=4)
    right.plot([], [], color=color, label=f"$\\alpha={alpha:g}$")
for axes, title in ((left, "$\\alpha=$.5"), (right, "LayerNorm (solid), nothing (dotted)")):
    axes.axhline(0.5, color=muted, linewidth=0.8)
    axes.set_xscale("log", base=2)
    axes.set(xlabel="layer", title=title, xticks=[1, 2, 4, 8, 16, 32, 64], ylim=(-0.02, 1.02))
    axes.xaxis.set_major_formatter("{x:.0f}")
left.set_ylabel("recency probability")
left.legend(fontsize=9, loc="upper right", bbox_to_anchor=(1.03, 0.485), borderpad=0)
right.legend(fontsize=9, loc="upper right", bbox_to_anchor=(1.0, 0.485), borderpad=0)
figures.show(
    figure,
    name="recency-depth",
    caption="Recency probability of every layer, $d=16$, ten tokens, "
    f"{points.sequences} sequences. Left: crosses are the paper's own values, for layers 1 to 4. Right: without a residual, for three "
    "degrees of similarity. Without normalization we stop at layer 32: float64 could not tell the scores of layer 64 apart.",
    alt="Left: with LayerNorm the curve rises from one half to nearly 1 within eight layers, post-norm a few layers later, "
    "pre-norm slowly, to 0.95 at layer 64; without normalization it falls to nearly 0 within eight layers. The paper's "
    "crosses lie on the curves. Right: rising curves are steepest for alpha 0.9, falling ones end higher for larger alpha.",
    provenance=points.provenance,
)
for name, point in (stacks | {f"{key}-wide": value for key, value in wide.items()}).items():
    series = points.recency(point)["mean"]
    for layer in (4, 16, 64):
        say(f"depth-{name.lower()}-{layer}", probability(series.get(layer, series.iloc[-1])))
say("depth-isotropic-64", probability(points.recency(similar[0.0])["mean"].iloc[-1]))

# %% [markdown]
# | recency probability, $\alpha = .5$ | layer 4 | layer 16 | layer 64 | in the end |
# |:--|--:|--:|--:|--:|
# | $d=16$, LayerNorm | {glue:text}`depth-layernorm-4` | {glue:text}`depth-layernorm-16` | {glue:text}`depth-layernorm-64` | 1 |
# | $d=16$, post-norm | {glue:text}`depth-post-norm-4` | {glue:text}`depth-post-norm-16` | {glue:text}`depth-post-norm-64` | 1 |
# | $d=16$, pre-norm (official code) | {glue:text}`depth-pre-norm-4` | {glue:text}`depth-pre-norm-16` | {glue:text}`depth-pre-norm-64` | 1 |
# | $d=64$, LayerNorm | {glue:text}`depth-layernorm-wide-4` | {glue:text}`depth-layernorm-wide-16` | {glue:text}`depth-layernorm-wide-64` | 1 |
# | $d=64$, post-norm | {glue:text}`depth-post-norm-wide-4` | {glue:text}`depth-post-norm-wide-16` | {glue:text}`depth-post-norm-wide-64` | 1 |
# | $d=64$, pre-norm | {glue:text}`depth-pre-norm-wide-4` | {glue:text}`depth-pre-norm-wide-16` | {glue:text}`depth-pre-norm-wide-64` | 1 |
#
# The last column is what we prove ({prf:ref}`prop-deep-recency`, {prf:ref}`prop-recency-rates`), on a hypothesis named there. At $\alpha = 0$ and $d=16$ even layer 64 is only at
# {glue:text}`depth-isotropic-64`.
#
# ## Tokens line up
#
# Causal attention pulls every token toward earlier ones, and all of them toward the first, which stays where it is. What does the
# crowd look like on its way?

# %% tags=["hide-input"]
noise = torch.randn(11, 16, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
sequence = noise[1:] + noise[:1]  # alpha = .5
sequence = sequence - sequence.mean(-1, keepdim=True)
path = offsets(sequence @ sequence.T, 16, "layernorm", "none", 64)
figure, panels = plt.subplots(1, 4, figsize=(7.2, 2.2))
for axes, layer in zip(panels, (1, 6, 12, 24), strict=True):
    tokens = path[layer - 1]
    size = tokens.norm(dim=-1).max()
    plane = torch.linalg.svd(tokens - tokens.mean(0)).Vh[:2]
    x, y = (plane @ (tokens - tokens.mean(0)).T / size) * torch.sign(plane @ (tokens[-1] - tokens[0]))[:, None]
    x, y = x - (x.max() + x.min()) / 2, y - (y.max() + y.min()) / 2
    axes.plot(x, y, color=muted, linewidth=0.8)
    axes.scatter(x, y, s=42, c=torch.arange(10), cmap=figures.COLORMAP, edgecolor=ink, linewidth=0.6, zorder=2)
    for token, place in ((0, (-2, 7)), (9, (2, -14))):
        axes.annotate(
            str(token + 1), (x[token], y[token]), xytext=place, textcoords="offset points", ha="center", fontsize=9
        )
    axes.set_title(f"into layer {layer}\nsize {short(size.item())}", fontsize=10)
    axes.set(aspect="equal", xticks=[], yticks=[], xlim=(-0.65, 0.65), ylim=(-0.6, 0.6))
    axes.spines[:].set_visible(False)
figures.show(
    figure,
    name="recency-line-up",
    caption="Ten tokens of one random sequence, $d=16$, $\\alpha=.5$, LayerNorm, no residual, from dark (1) to bright (10). Every panel shows the plane "
    "in which they spread most, and is scaled to its own *size*, the largest distance from the first token, in units of a token's norm.",
    alt="Four panels. Into layer 1 the ten tokens are scattered; into layer 6 they form a bent chain; into layer 12 nearly a "
    "straight one; into layer 24 ten equally spaced points on a line in the order of their positions.",
)
crowd = torch.randn(1000, 11, 16, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
crowd = crowd[:, 1:] + crowd[:, :1]
crowd = crowd - crowd.mean(-1, keepdim=True)
grams = crowd @ crowd.mT
ends = offsets(grams, 16, "layernorm", "none", 64)[:, -1]
largest = ends[:, -1].square().sum(-1)
say("depth-start-half", f"{100 * (grams[:, 0] > 0).all(-1).double().mean():.0f}")
say("depth-lined-up", f"{(departure_from_line(ends) < 0.01).sum()}")
say("depth-straggler", f"{math.floor(1000 * largest.max() / largest.sum()) / 10:.1f}")
say("depth-departure-12", short(departure_from_line(path[11]).item()))
say("depth-departure-24", short(departure_from_line(path[23]).item()))

# %% [markdown]
# They end as **equally spaced points on a straight, ever shorter segment, in the order of their positions**
# ({numref}`fig-recency-line-up`; proved in {prf:ref}`prop-deep-recency`). The largest deviation from that, in units of the spacing, is {glue:text}`depth-departure-12` into layer 12 and
# {glue:text}`depth-departure-24` into layer 24. From there both biases can be read off.
#
# - Normalized scores are cosines. On the line a query is closest to the token before it, so **the nearest wins**.
# - Raw scores measure how far a key reaches along the first token, to which all queries have come close. Mixing has
#   shortened later tokens in that direction, so **the first wins**.
#
# Why a line, and why equally spaced? Once all tokens nearly agree, attention is nearly uniform: it is the averaging matrix
# $C_{ij} = 1/i$ of {prf:ref}`prop-cesaro`, with the eigenvalues $1, \frac12, \frac13, \dots$ Eigenvalue 1 is the common vector. The slowest of the rest is
# $\frac12$, and its eigenvector is $j - 1$.
#
# ## With normalization: recency, and the collapse
#
# ````{prf:proposition} LayerNorm bounds the attention
# :label: prop-weight-floor
#
# <span class="atlas-origin">derived here</span> Whatever its input, every allowed weight of a layer that normalizes (to norm $\sqrt d$) is at least
# $\varepsilon = e^{-2\sqrt d}/S$. If at some layer all cosines with the first token are at least $m \ge 0$, then after one more layer they are at least
#
# $$m + \frac{\varepsilon}{1+r}\,(1-m) ,$$ (eq-recency-collapse)
#
# where $r$ is the strength of the residual: 0 without, 1 post-norm, $\|x_i\|/\sqrt d$ pre-norm. So all tokens collapse onto the first one.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> Scores are $\sqrt d$ times a cosine, so between $-\sqrt d$ and $\sqrt d$, and a softmax weight is at least
# $e^{-\sqrt d}/(S\,e^{\sqrt d})$. Let $h_i$ be the normalized tokens in units of their norm. Before it is normalized the next one is, up to its
# length, $z_i = \frac{1}{1+r}\bigl(r h_i + \sum_j P_{ij}h_j\bigr)$. Hence
#
# $$\langle h_1, z_i\rangle \ge \frac{r m + P_{i1} + (1-P_{i1})\,m}{1+r} = m + \frac{P_{i1}}{1+r}(1-m) \ge 0 ,$$
#
# and $\|z_i\| \le 1$, so dividing by it lowers nothing. Without a residual and post-norm, $1 - m$ shrinks by a constant factor per layer. A raw
# residual grows by at most one unit per layer, $r \le r_0 + t$, and $\prod_t \bigl(1 - \frac{\varepsilon}{1+r_0+t}\bigr) = 0$ because $\sum 1/t$ diverges.
# ````
#
# ({ref}`Card <card-atlas-bounded-weights>`.) {prf:ref}`Theorem 4.1 of Wu 2025 <thm-causal-collapse>` assumes that the logits stay bounded (A1).
# **LayerNorm supplies that assumption for free.** So the recency of {cite}`kim2026` and the collapse onto the first token of {cite}`wu2025` do
# not contradict each other. They are one process: the collapse puts the tokens on a line in order, and on that line the nearest looks most
# alike.
#
# ````{prf:proposition} Recency at any depth
# :label: prop-deep-recency
#
# <span class="atlas-origin">derived here</span> Causal mask, normalization, no residual; at some layer all tokens lie in the open half-space of the first one,
# and $h_2 \ne h_1$. Then there is a vector $w \ne 0$ with
#
# $$
# \begin{aligned}
# 2^t\,\bigl(h_j(t) - h_1\bigr) &\to (j-1)\,w , \\
# S_{ij} - S_{ii} &\sim -\tfrac{\sqrt d}{2}\, 4^{-t}\,(i-j)^2\,\|w\|^2 .
# \end{aligned}
# $$ (eq-recency-line)
#
# From some layer on every row rises strictly toward the query: the recency probability of the sequence is 1.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> **A lemma.** Let $q(t+1) = (\tilde C + E_t)\,q(t)$, where $\tilde C$ is $C$ without token 1 and
# $\sum_t\|E_t\| < \infty$. Then $2^t q_j(t) \to (j-1)\,w$ for some $w$. *For:* $\tilde C$ is lower triangular with the distinct eigenvalues
# $\frac12, \dots, \frac1S$. To $\frac12$ belong the right eigenvector $b_j = j-1$, since $\frac1i\sum_{j\le i}(j-1) = \frac{i-1}2$, and the left eigenvector "token 2". So
# $(2\tilde C)^n \to b\,e_2^\top$, and these powers are bounded. $a(t) = 2^tq(t)$ obeys
#
# $$a(t) = (2\tilde C)^{t-s}a(s) + \sum_{k=s}^{t-1}(2\tilde C)^{t-1-k}\,2E_k\,a(k) .$$
#
# By Gronwall $a$ is bounded. Then the sum is at most a constant times $\sum_{k\ge s}\|E_k\|$, as small as we like for large $s$, and the first
# term converges to $b\,a_2(s)$. So $a$ is a Cauchy sequence with the limit $b\,w$, $w = \lim a_2(t)$.
#
# **The proposition.** Let $y_j = h_j - h_1$ and split $y_j = q_j - \frac12\|y_j\|^2h_1$ with $q_j \perp h_1$ (both vectors have norm 1). Scores of a row differ
# by $-\frac{\sqrt d}2\|y_i-y_j\|^2$, so $P_{ij} = \frac1i + O(\|y\|^2)$. The layer sends $q_i$ to $\sum_jP_{ij}q_j/n_i$ with
# $n_i = \|h_1 + \sum_jP_{ij}y_j\| = 1 + O(\|y\|^2)$. By {prf:ref}`prop-weight-floor` $\|y\|^2 \le 2(1-\varepsilon)^t$ is summable, and the lemma applies. Token 2
# alone has $q_2(t+1) = q_2(t)\,P_{22}/n_2$: its direction never changes, and $\prod 2P_{22}/n_2$ converges to a positive number, because the factors are
# positive and $1 + O(\|y\|^2)$. So $w \ne 0$. The rest is $\cos = 1 - \frac12\|\cdot\|^2$ and $(i-j)^2 > (i-k)^2$ for $j < k < i$.
# ````
#
# ({ref}`Card <card-atlas-deep-recency>`.) *The hypothesis.* Of 1000 random sequences ($d=16$, $\alpha=.5$) {glue:text}`depth-start-half` % start in the half-space of the first
# token. The others come there by themselves: into layer 64, {glue:text}`depth-lined-up` of the 1000 are within 1 % of the line. That they
# always do we have not proved.

# %% tags=["hide-input"]
figure, panels = plt.subplots(1, 4, figsize=(7.2, 2.5))
for axes, layer in zip(panels, (2, 8, 16, 64), strict=True):
    gaps = points.score_map(similar[0.9], layer, "gap")
    score_map(axes, gaps, points.recency(similar[0.9])["mean"][layer], labels=layer == 2)
    axes.set_title(f"layer {layer}", fontsize=10)
figures.show(
    figure,
    name="recency-deep-maps",
    caption="Mean scores less the score of a token on itself, LayerNorm, $d=16$, $\\alpha=.9$. Each map has its own colors; below it are the lowest value "
    "and by how much the highest exceeds it. The shape settles while its size falls to nothing.",
    alt="Four triangular maps. From layer 8 on they look the same: bright along the diagonal, darkening with the square of the "
    "distance, while the numbers below them fall to a tiny fraction of their first size.",
    provenance=points.provenance,
)
square = (torch.arange(10)[:, None] - torch.arange(10)).double().square() / 81  # 1 for the last query on the first key
for alpha, layer in ((0.9, 2), (0.9, 8), (0.9, 16), (0.9, 64), (0.5, 64)):
    gaps = points.score_map(similar[alpha], layer, "gap")
    off = (gaps / gaps[-1, 0] - square).abs()[torch.ones(10, 10).tril(-1).bool()].max().item()
    say(f"depth-square-{alpha}-{layer}", short(100 * off))

# %% [markdown]
# Scaled to the same lowest value, the mean map of {numref}`fig-recency-deep-maps` and $-(i-j)^2$ differ, in percent of that value, by at most
# {glue:text}`depth-square-0.9-2` in layer 2, {glue:text}`depth-square-0.9-8` in layer 8, {glue:text}`depth-square-0.9-16` in layer 16 and {glue:text}`depth-square-0.9-64` in layer 64. For
# $\alpha = .5$ the *mean* map is off by {glue:text}`depth-square-0.5-64` even at layer 64, although single sequences are not: sizes fall by powers of ten, later in some
# sequences than in others, and an average shows the stragglers. Of 1000 sequences one alone makes up {glue:text}`depth-straggler` % or more of
# the mean squared distance between the first token and the last.
#
# ## Without normalization: early bias
#
# ````{prf:proposition} Early bias without normalization
# :label: prop-early-bias
#
# <span class="atlas-origin">derived here</span> (a) *Uniform attention, any depth.* Let $K_0 = \alpha + (1-\alpha)\,[i=j]$ and $K_{t+1} = CK_tC^\top$. Then
# $K_1(i,j) = \alpha + (1-\alpha)/\max(i,j)$, flat in $j < i$, and for $t \ge 2$ every $K_t$ falls strictly in each argument.
#
# (b) *The stack's own attention, three layers.* For inputs with the mean Gram matrix of {cite}`kim2026`'s tokens the scores of layer 2 are flat
# in $j < i$, and for $d \ge 3$ those of layer 3 fall strictly.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> (a) $CC^\top(i,j) = \min(i,j)/ij = 1/\max(i,j)$ gives $K_1$. With the harmonic numbers $H_n$, for $k \le i$
#
# $$(CK_1)(i,k) = \alpha + \frac{1-\alpha}{i}\Bigl[k\cdot\tfrac1k + \sum_{l=k+1}^{i}\tfrac1l\Bigr] = \alpha + \frac{1-\alpha}{i}\,[\,1 + H_i - H_k\,] ,$$
#
# and for $k > i$ it is $\alpha + (1-\alpha)/k$: it falls strictly in $k$. $K_2(i,j) = \frac1j\sum_{k\le j}(CK_1)(i,k)$ is a prefix average of that. An element
# below all earlier ones lowers an average, so $K_2$ falls strictly in $j$, and by symmetry in $i$. If $K_t$ falls strictly in each
# argument, so does $CK_t$: in the first as a prefix average, in the second as an average of falling functions. The same from the other side gives $K_{t+1}$.
#
# (b) A raw token's squared norm exceeds its inner product with others by $1$, whatever $\alpha$ is, so its own score exceeds the others by
# $1/\sqrt d$. With $s = e^{1/\sqrt d}$ and $D_i = s + i - 1$ the first layer has $P_{ii} = s/D_i$, $P_{il} = 1/D_i$. As in {prf:ref}`prop-flat-inner`,
# $(1-\alpha)K_1 = \alpha + (1-\alpha)N$ with $N_{ij} = 1/D_i$ for $j < i$, flat, and $N_{ii} = 1/D_i + s(s-1)/D_i^2$. In layer 2 a token's own score
# exceeds the others of its row by $g_i = s(s-1)/(\sqrt d\,D_i^2)$. Its weights are $Q_{il} = 1/E_i$ and $Q_{ii} = s_i/E_i$ with $s_i = e^{g_i}$,
# $E_i = i-1+s_i$. Since $0 < g_i \le g_1 = (1-1/s)/\sqrt d < 1/\sqrt3 < \ln 2$, we have $1 < s_i < 2$ and $E_{i+1} > E_i$.
#
# Let $f_i(m) = \sum_lQ_{il}N_{lm}$. For $m + 1 < i$
#
# $$
# \begin{aligned}
# E_i\,[f_i(m) - f_i(m+1)] &= m\Bigl(\frac1{D_m} - \frac1{D_{m+1}}\Bigr) \\
# &\quad + s(s-1)\Bigl(\frac1{D_m^2} - \frac1{D_{m+1}^2}\Bigr) > 0 .
# \end{aligned}
# $$
#
# The score of layer 3 is, up to constants of the row, $F(j) = \sum_{m\le j}Q_{jm}f_i(m)$. The distribution $Q_{j+1}$ lies strictly to the right of $Q_j$: its
# cumulative shares are $l/E_{j+1} < l/E_j$ for $l < j$ and $j/E_{j+1} < 1$ for $l = j$. A strictly falling function has a smaller mean under it.
# ````
#
# ({ref}`Card <card-atlas-early-bias>`.) In words: one mixing leaves a row flat ({prf:ref}`prop-flat-inner`). The second averages the first one's result once more,
# over prefixes, and a prefix average holds on to what came early. For layers 4 and deeper with the stack's own attention we have no proof at finite depth;
# the check finds no exception.

# %% tags=["hide-input"]
ideal = ideal_scores(10, 16, 0.0, "none", layers=4)
figure, axes = plt.subplots(figsize=(7.2, 3.3))
for layer, color, marker in zip((2, 3, 4), figures.shades(3), "os^", strict=True):
    measured = early.score_map("maps-d16-plain", layer)
    axes.plot(range(1, 10), ideal[layer - 1, -1, :-1], "--", color=color)
    axes.plot(range(1, 10), measured[-1, :-1], marker=marker, color=color, label=f"layer {layer}")
axes.plot([], [], "--", color=muted, label="idealized")
axes.set(xlabel="key", ylabel="score of query 10", ylim=(0, None))
axes.legend(loc="upper right")
figures.show(
    figure,
    name="recency-early-rows",
    caption="No normalization, $d=16$, $\\alpha=0$: mean score of the last query on each key. Solid: "
    f"{early.sequences} sequences. Dashed: tokens with exactly the mean Gram matrix.",
    alt="Layer 2 is flat and low; layers 3 and 4 fall from the first key to the ninth, and lie higher. Dashed idealized curves have "
    "the same shape.",
    provenance=early.provenance,
)
ours = early.recency("maps-d16-plain")
theirs = paper[(paper.alpha == 0) & (paper.layernorm == 0)].set_index("layer")["recency_probability"]
lines = ["| layer | printed | ours | standard error |", "|--:|--:|--:|--:|"]
lines += [
    f"| {layer} | {probability(theirs[layer])} | {probability(ours['mean'][layer], 5)} | {probability(ours['standard_error'][layer], 5)} |"
    for layer in theirs.index
]
for layer in (2, 3):
    row = early.score_map("maps-d16-plain", layer)[-1]
    say(f"depth-early-slope-{layer}", short((row[8] - row[0]).abs().item()))

# %% [markdown]
# The recency probabilities of this stack beside the paper's:

# %% tags=["hide-input"]
display(Markdown("\n".join(lines)))

# %% [markdown]
# The simulated mean row of layer 2 is not perfectly flat, since single sequences have other Gram matrices than the mean. From key 1 to
# key 9 it rises by {glue:text}`depth-early-slope-2`; in layer 3 it falls by {glue:text}`depth-early-slope-3`.
#
# Does the probability end at 0? Not quite.
#
# ````{prf:proposition} Two tokens decide
# :label: prop-early-limit
#
# <span class="atlas-origin">derived here</span> Causal mask, no normalization, no residual. Then with some $\rho > 0$
#
# $$2^t\,\bigl(x_j(t) - x_1\bigr) \to (j-1)\,\rho\,(x_2-x_1) ,$$
#
# and scores become linear in the key. In the end **all** triples of a sequence agree: recency if $\langle x_1, x_2\rangle > \|x_1\|^2$ in its input, early bias if less. For
# {cite}`kim2026`'s tokens the recency probability tends to
#
# $$\mathrm{RP}_\infty = P\Bigl(T_d > \sqrt{d\,\tfrac{1-\alpha}{1+\alpha}}\Bigr)$$ (eq-early-limit)
#
# where $T_d$ has Student's $t$ distribution with $d$ degrees of freedom.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> All tokens stay in the convex hull of the first ones, so with $R$ the largest norm every weight is at least
# $e^{-2R^2/\sqrt d}/S$, and $y_j = x_j - x_1 \to 0$ exponentially ({prf:ref}`Theorem 4.1 <thm-causal-collapse>`). $y(t+1) = P\,y(t)$ with
# $P_{ij} = \frac1i + O(\|y\|)$, summable, so the lemma in the proof of {prf:ref}`prop-deep-recency` applies; $y_2(t+1) = P_{22}\,y_2(t)$ gives $w = (x_2-x_1)\prod 2P_{22}$. In
# row $i$, $S_{ik} - S_{ij} = \langle x_i(t), y_k-y_j\rangle/\sqrt d$, and $x_i(t) \to x_1$.
#
# The probability: put $\Delta = g_2-g_1$ and $m = (g_1+g_2)/2$, independent Gaussians, $\Delta \sim N(0, 2I)$, $m \sim N(0, \frac12I)$. Then
# $\langle g_1+\ell c, \Delta\rangle = \langle m + \ell c, \Delta\rangle - \frac12\|\Delta\|^2$. Given $\Delta$ the first term is $\|\Delta\|\sqrt{\frac12+\ell^2}\,Z$ with a
# standard normal $Z$. The sign is positive iff $Z > \|\Delta\|/(2\sqrt{1/2+\ell^2}) = \chi_d/\sqrt{1+2\ell^2}$, and $1 + 2\ell^2 = \frac{1+\alpha}{1-\alpha}$.
# ````

# %% tags=["hide-input"]
lines = ["| $\\alpha$ | predicted limit | simulated, layer 32 | standard error |", "|--:|--:|--:|--:|"]
for alpha, point in plain.items():
    value, error = points.recency(point).loc[32]
    lines.append(
        f"| {alpha:g} | {probability(early_limit(16, alpha), 5)} | {probability(value, 5)} | {probability(error, 5)} |"
    )
display(Markdown("\n".join(lines)))

# %% [markdown]
# ({ref}`Card <card-atlas-early-limit>`, $d = 16$.) So anisotropy works against the early bias as well: at $\alpha = .9$ nearly a fifth of all sequences ends with full recency even without
# normalization.
#
# ## How fast
#
# ````{prf:proposition} Rates
# :label: prop-recency-rates
#
# <span class="atlas-origin">derived here</span> With normalization, and all tokens at some layer in the half-space of the first, distances between tokens fall in the end per layer by
#
# $$\frac{\frac12 + r}{1 + r} = \begin{cases} \frac12 & \text{without residual,}\\ \frac34 & \text{post-norm } (r=1), \end{cases}$$ (eq-recency-rates)
#
# and pre-norm, where $r \approx t$, as $t^{-1/2}$. So differences of scores fall as $4^{-t}$, $(9/16)^t$ and $1/t$. The next way to be unequal, eigenvalue $\frac13$, fades
# relative to the line as $(2/3)^t$, $(8/9)^t$ and $t^{-1/6}$. In all three cases every row ends up rising toward the query. Without normalization and
# residual, differences of scores fall as $2^{-t}$.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> With strength $r_i$ the layer sends $q_i$ to $\dfrac{r_iq_i + \sum_jP_{ij}q_j}{(1+r_i)\,n_i}$, $n_i = 1 + O(\|y\|^2)$. Where $P$ is uniform and
# $r$ common to all tokens this is $(r+C)/(1+r)$, with the eigenvalues $\frac{r+1/k}{1+r}$ and the eigenvectors of $C$. $r = 0$ is {prf:ref}`prop-deep-recency`. $r = 1$: $\frac34$ for
# $k=2$ and $\frac23$ for $k=3$; the lemma holds with $\frac43$ in place of 2.
#
# Raw: $r_i(t+1) = (1+r_i(t))\,n_i$. By {prf:ref}`prop-weight-floor` $n_i \to 1$, so $r_i = t\,(1+o(1))$. $q_2$ is multiplied by $1 - \frac{1/2+o(1)}t$, so
# $\|q_2\| = t^{-1/2+o(1)}$; $q_i$ is multiplied by $1 - \frac{1-1/i+o(1)}t$ and receives $1/t$ times a mean of earlier tokens, so by induction it is at most $t^{-1/2+o(1)}$. Hence
# $\|y\|^2 = t^{-1+o(1)}$, $r_i = t + O(t^{o(1)})$, and the layer is $I + \frac1t(\tilde C - I) + F_t$ with $\|F_t\| = O(t^{-2+o(1)})$, summable. In the eigenvectors of $\tilde C$ mode
# $k$ is multiplied by $1 - \frac{1-1/k}t$, which makes $t^{1/k-1}$. The lemma's argument with $t^{1/2}$ in place of $2^t$ gives
# $t^{1/2}q_j(t) \to (j-1)\,w$, $w \ne 0$.
# ````

# %% tags=["hide-input"]
laws = {
    "LayerNorm": 2 * math.log10(distance_factor(0.0)),
    "post-norm": 2 * math.log10(distance_factor(1.0)),
    "nothing": math.log10(distance_factor(0.0)),
}
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.7), width_ratios=(1.15, 1))
off = []
for name, (color, line, marker) in (looks | {"nothing": (purple, ":", "D")}).items():
    series = points.rows(stacks[name], "log10_spread")["mean"]
    left.plot(
        series.index, series, line, color=color, marker=marker, markevery=8, label=name.replace("nothing", "no norm")
    )
    if name in laws:
        last = series.index[-1]
        span = [last // 2, last]
        left.plot(span, [series.iloc[-1] + laws[name] * (layer - last) + 1 for layer in span], color=ink, linewidth=1)
        slope = (series.iloc[-1] - series[3 * last // 4]) / (last - 3 * last // 4)
        off.append(abs(slope / laws[name] - 1))
        say(f"depth-slope-{name.lower()}", signed(slope, ".4f"))
        say(f"depth-law-{name.lower()}", signed(laws[name], ".4f"))
say("depth-slope-off", f"{100 * max(off):.1f}")
for name in ("LayerNorm", "post-norm"):
    series = points.rows(wide[name], "log10_spread")["mean"]
    say(f"depth-slope-{name.lower()}-wide", signed((series[64] - series[48]) / 16, ".4f"))
left.set(xlabel="layer", ylabel="log10 of the spread of scores", xlim=(1, 64))
left.legend(loc="lower left", fontsize=9)
for point, color, marker, label in (
    (stacks["pre-norm"], orange, "^", "simulated, $d=16$"),
    (wide["pre-norm"], red, "v", "simulated, $d=64$"),
):
    series = points.rows(point, "log10_spread")["mean"]
    shown = [index for index, layer in enumerate(series.index) if math.log2(layer) % 1 == 0]
    right.plot(series.index, series, "-.", color=color, marker=marker, markevery=shown, label=label)
rows = score_gaps(2 * equicorrelated(10, 0.5), 16, "rmsnorm", "raw", layers)[:, -1]
spread = (rows[:, 8] - rows[:, 0]).abs().log10()
right.plot(range(1, layers + 1), spread, color=blue, label="idealized, $d=16$")
end = spread[-1].item()
right.plot([layers / 10, layers], [end + 1.15, end + 0.15], color=ink, linewidth=1, label="slope −1")
right.set(xscale="log", xlabel="layer", title="pre-norm")
right.legend(loc="lower left", fontsize=9)
figures.show(
    figure,
    name="recency-spread",
    caption="Spread: by how much the last query's scores on the ninth key and on the first differ, mean over sequences of its decimal logarithm; $\\alpha=.5$, "
    "on the left $d=16$. Thin lines: the predicted slopes, shifted up.",
    alt="Left: three straight falling lines parallel to their thin companions, LayerNorm down to ten to the minus 33 at layer 64, "
    "post-norm to minus 12, no normalization to minus 9 at layer 32; pre-norm stays near 0. Right, on a logarithmic depth axis: "
    "pre-norm hardly falls within 64 layers, for d of 64 it still rises; the idealized curve bends slowly toward slope minus 1.",
    provenance=points.provenance,
)
for start, stop in ((16, 32), (layers // 2, layers)):
    slope = (spread[stop - 1] - spread[start - 1]).item() / math.log10(stop / start)
    say(f"depth-power-{'first' if start == 16 else 'last'}", signed(slope, ".2f"))
for place, point in (("narrow", stacks["pre-norm"]), ("wide", wide["pre-norm"])):
    series = points.rows(point, "log10_spread")["mean"]
    say(f"depth-power-{place}", signed((series[64] - series[32]) / math.log10(2), "+.2f"))
    say(f"depth-kept-{place}", f"{10 ** series[64]:.2f}")
    say(f"depth-kept-weight-{place}", f"{math.exp(10 ** series[64]):.1f}")
say("depth-layers", f"{layers}")
tiny = points.rows(stacks["LayerNorm"], "log10_spread")["mean"].iloc[-1]
say("depth-layernorm-spread", power_of_ten(round(tiny)))
say("depth-floor", short(math.exp(log_weight_floor(10, 16))))

# %% [markdown]
# | change of log10 spread per layer | predicted | measured, last quarter | $d=64$ |
# |:--|--:|--:|--:|
# | LayerNorm | {glue:text}`depth-law-layernorm` | {glue:text}`depth-slope-layernorm` | {glue:text}`depth-slope-layernorm-wide` |
# | post-norm | {glue:text}`depth-law-post-norm` | {glue:text}`depth-slope-post-norm` | {glue:text}`depth-slope-post-norm-wide` |
# | no normalization | {glue:text}`depth-law-nothing` | {glue:text}`depth-slope-nothing` | |
#
# At $d = 16$ the slopes are those predicted to {glue:text}`depth-slope-off` %. At $d=64$, with layers 48 to 64, they are not there yet.
#
# **Pre-norm is nowhere near its law.** Its spread changes by {glue:text}`depth-power-narrow` per tenfold depth at $d=16$ and by {glue:text}`depth-power-wide` at $d=64$
# (layers 32 to 64), where $-1$ is predicted in the end. In the idealized stack the slope is {glue:text}`depth-power-first` between layers 16 and 32, and still
# {glue:text}`depth-power-last` over the last doubling up to layer {glue:text}`depth-layers`. The second mode fades by $t^{-1/6}$ only, a factor of 10 over a million-fold depth. So for a pre-norm stack of any
# depth that is built, the limit says where things go and not where they are.
#
# ## What it means in practice
#
# - **A recency probability is a matter of sign.** At layer 64 without a residual it is {glue:text}`depth-layernorm-64`, and the scores that it compares differ by a
#   typical {glue:text}`depth-layernorm-spread`: the weights of a row are the same to all digits. Recency has won and moves nothing.
# - **Residual connections weaken the sign and keep the substance.** With LayerNorm, pre-norm has the lowest recency probability at layer 64, and the only scores that still
#   differ noticeably: typically by {glue:text}`depth-kept-narrow` at $d=16$ and {glue:text}`depth-kept-wide` at $d=64$, a factor of {glue:text}`depth-kept-weight-narrow` or
#   {glue:text}`depth-kept-weight-wide` between two weights. In this model, without weights, only pre-norm keeps, at that depth, a preference that a softmax can feel.
# - **Recency and the sink at the first token belong together.** Ask what a token is made of, and the answer is the first token ({doc}`/_executed/position_bias/causal_mask`). Ask
#   whom it scores highest, and the answer is its neighbor. Rollouts and score maps of one and the same stack show opposite biases, and both are right.
# - **Do not count on the floor.** The bound $\varepsilon = e^{-2\sqrt d}/S$ is {glue:text}`depth-floor` for ten tokens at $d=16$. It proves that the collapse comes. It says nothing about when.
#
# ## The check

# %% tags=["hide-input"]
checked = {
    "{prf:ref}`prop-weight-floor`": ("atlas-bounded-weights", "nothing is normalized"),
    "{prf:ref}`prop-deep-recency`": ("atlas-deep-recency", "nothing is normalized"),
    "{prf:ref}`prop-early-bias`": ("atlas-early-bias", "LayerNorm in every layer"),
    "{prf:ref}`prop-early-limit`": ("atlas-early-limit", "RMSNorm in every layer"),
    "{prf:ref}`prop-recency-rates`": ("atlas-recency-rates", "another residual than claimed"),
}
margins = results.obtain(
    theorem_margins, profile, [f"{id}-{kind}" for id, _ in checked.values() for kind in ("check", "control")]
).table
rows = ["| statement | smallest margin | draws | broken hypothesis | largest margin, broken |", "|:--|--:|--:|:--|--:|"]
for statement, (id, broken) in checked.items():
    held, control = (margins[margins["point"] == f"{id}-{kind}"] for kind in ("check", "control"))
    rows.append(
        f"| {statement} | {short(held.margin.min())} | {held.draw.nunique()} | {broken} | {short(control.margin.max())} |"
    )
display(Markdown("\n".join(rows)))

# %% [markdown]
# Margins are positive where a statement holds and negative where it fails: decades above the floor; the least step toward the query, as a share of the row's range, in the last of
# 200 layers; decades of fall per key; the same share with the predicted sign; decades by which the error of the rate is below 2 %.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Mixed twice
# :label: ex-mixed-twice
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# Orthonormal tokens, uniform causal attention, no normalization, no residual, scores without the factor $1/\sqrt d$. In layer 3, by how much does query 4 prefer key 1 to key 3?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-mixed-twice
# :class: dropdown
# :label: sol-mixed-twice
# ```

# %% [markdown]
# What enters layer 3 has been mixed twice. Row 4 of $CK_1$ is $\frac14(1 + H_4 - H_k)$, and key $j$ averages it over $k \le j$. So the difference is
# $\frac14\bigl(\frac{H_1+H_2+H_3}3 - H_1\bigr)$.

# %%
averaging = torch.ones(4, 4).double().tril() / torch.arange(1, 5).double()[:, None]
mixed = averaging @ averaging
products = mixed @ mixed.T
print(exercises.check_mixed_twice((products[3, 0] - products[3, 2]).item()))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} A millionth
# :label: ex-recency-millionth
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# Tokens are nearly equal. After how many layers has $1 - \cos$ fallen to a millionth, without a residual and post-norm? And pre-norm: how many times deeper must one go?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-recency-millionth
# :class: dropdown
# :label: sol-recency-millionth
# ```

# %% [markdown]
# $1 - \cos$ goes with the square of the distance: $4^{-t}$, $(9/16)^t$, $1/t$.

# %%
without, post = (math.ceil(6 / -(2 * math.log10(distance_factor(strength)))) for strength in (0.0, 1.0))
print(exercises.check_millionth([without, post, 1_000_000]))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Two tokens decide
# :label: ex-first-two
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 15 minutes
#
# Estimate $\mathrm{RP}_\infty$ of the stack without normalization for $d = 16$ and $\alpha = .5$, to 5 %, without simulating a single layer.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-first-two
# :class: dropdown
# :label: sol-first-two
# ```

# %% [markdown]
# By {prf:ref}`prop-early-limit` draw the first two tokens. $\alpha = .5$ means $\ell = 1$.

# %%
noise = torch.randn(3, 400_000, 16, generator=torch.Generator().manual_seed(1))
first, second = noise[0] + noise[2], noise[1] + noise[2]
share = ((first * second).sum(-1) > first.square().sum(-1)).double().mean().item()
print(f"{share:.4f}", exercises.check_first_two(share))

# %% [markdown]
# ```{solution-end}
# ```

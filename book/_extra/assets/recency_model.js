/* The weightless stack of Kim 2026 as a reader's browser simulates it: pure numbers, float64, no vector of length d.
 *
 * A sequence is the S x S factor of its Gram matrix, so the cost does not depend on d. Token indices are 0-based.
 * random.js comes before this script.
 * tests/book/test_recency_playground.py compares it with the library and with the values that the paper prints.
 */
(function (root) {
  "use strict";

  const { generator, tally } = root.AttentionAtlas.random;
  const NORMALIZATIONS = ["none", "layernorm", "rmsnorm", "l2"];
  const RESIDUALS = ["none", "raw", "normalized"];
  // Tokens closer than this share of their length are equal up to rounding: their order would be an accident.
  const RESOLUTION = 1e-8;

  function check({ tokens, alpha, d, layers, normalization, residual }) {
    const refuse = (what, got) => {
      throw new RangeError(`${what}, got ${got}`);
    };
    if (!NORMALIZATIONS.includes(normalization)) {
      refuse(`normalization must be one of ${NORMALIZATIONS.join(", ")}`, normalization);
    }
    if (!RESIDUALS.includes(residual)) refuse(`residual must be one of ${RESIDUALS.join(", ")}`, residual);
    if (normalization === "none" && residual === "normalized")
      refuse("normalized residual needs a normalization", "none");
    if (!(alpha >= 0 && alpha < 1)) refuse("alpha must be in [0, 1)", alpha);
    if (!(tokens >= 3 && layers >= 1)) refuse("at least 3 tokens and 1 layer", `${tokens} and ${layers}`);
    if (!(d >= tokens)) refuse(`d must be at least ${tokens}, the number of tokens`, d);
  }

  const zeros = (tokens) => Array.from({ length: tokens }, () => new Float64Array(tokens));

  /** Bartlett's factor of a Wishart matrix with n degrees of freedom: n = d, or d - 1 after LayerNorm's centring. */
  function bartlett({ tokens, d, normalization }, random, factor = zeros(tokens)) {
    const degrees = d - (normalization === "layernorm" ? 1 : 0);
    for (let i = 0; i < tokens; i++) {
      for (let j = 0; j < i; j++) factor[i][j] = random.normal();
      factor[i][i] = Math.sqrt(2 * random.gamma((degrees - i) / 2));
      factor[i].fill(0, i + 1);
    }
    return factor;
  }

  /** B becomes C B / sqrt(d), C C^T = I + l^2 1 1^T, l^2 = alpha / (1 - alpha): tokens that share a direction. */
  function anisotropic({ alpha, d, tokens }, factor) {
    const shared = alpha / (1 - alpha);
    const left = new Float64Array(tokens); // the columns of C are constant below the diagonal
    for (let i = 0; i < tokens; i++) {
      const diagonal = Math.sqrt((1 + (i + 1) * shared) / (1 + i * shared));
      const below = shared / (1 + i * shared) / diagonal;
      for (let j = 0; j <= i; j++) {
        const value = factor[i][j];
        factor[i][j] = (left[j] + diagonal * value) / Math.sqrt(d);
        left[j] += below * value;
      }
    }
    return factor;
  }

  /** What a cosine (without normalization: an inner product) is multiplied by, and the length of a normalized token. */
  const scaleOf = ({ normalization, d }) => ({ none: 1 / Math.sqrt(d), l2: 1 })[normalization] ?? Math.sqrt(d);
  /** Added to every gap to get the score: gaps of normalized tokens are scale (cos - 1), so that nothing cancels. */
  const offsetOf = (setting) => (setting.normalization === "none" ? 0 : scaleOf(setting));

  const workspace = ({ tokens }) => ({ factor: zeros(tokens), values: zeros(tokens), gaps: zeros(tokens) });

  /** Pass a factor, changed in place, through all layers; `see(layer, gaps, spread)` sees each layer's scores. */
  function pass(setting, factor, see, { values, gaps } = workspace(setting)) {
    const { tokens, layers, normalization, residual, causal } = setting;
    const normalized = normalization !== "none";
    const scale = scaleOf(setting);
    const length = normalized ? scale : 1;
    const weights = new Float64Array(tokens);
    for (let layer = 0; layer < layers; layer++) {
      let spread = 0,
        first = 1; // |N(x_1)|^2
      for (let i = 0; i < tokens; i++) {
        let square = 0;
        for (let c = 0; c < tokens; c++) square += factor[i][c] * factor[i][c];
        const shrink = normalized ? 1 / Math.sqrt(square) : 1;
        for (let c = 0; c < tokens; c++) values[i][c] = factor[i][c] * shrink;
      }
      for (let i = 0; i < tokens; i++) {
        const a = values[i];
        for (let j = 0, end = causal ? i + 1 : tokens; j < end; j++) {
          const b = values[j];
          let product = 0,
            apart = 0;
          for (let c = 0, width = causal ? i + 1 : tokens; c < width; c++) {
            product += a[c] * b[c];
            apart += (a[c] - b[c]) * (a[c] - b[c]);
          }
          // For unit vectors cos - 1 = -|a - b|^2 / 2, a sum of squares: exact however close the two are.
          gaps[i][j] = scale * (normalized ? -apart / 2 : product);
          if (i + j === 0) first = product;
          if (j === 0) spread = Math.max(spread, apart / first);
        }
      }
      see(layer, gaps, Math.sqrt(spread));
      for (let i = tokens - 1; i >= 0; i--) {
        const end = causal ? i + 1 : tokens;
        let top = -Infinity,
          sum = 0;
        for (let j = 0; j < end; j++) top = Math.max(top, gaps[i][j]);
        for (let j = 0; j < end; j++) sum += weights[j] = Math.exp(gaps[i][j] - top);
        for (let c = 0; c < (causal ? i + 1 : tokens); c++) {
          let mixed = 0;
          for (let j = causal ? c : 0; j < end; j++) mixed += weights[j] * values[j][c];
          const added = residual === "raw" ? factor[i][c] : residual === "normalized" ? length * values[i][c] : 0;
          factor[i][c] = (length * mixed) / sum + added;
        }
      }
    }
  }

  /** Share of the triples j < k < i for which query i scores the later key k higher than the earlier key j. */
  function recencyProbability(scores) {
    const tokens = scores.length;
    let later = 0;
    for (let i = 2; i < tokens; i++) {
      const row = scores[i];
      for (let k = 1; k < i; k++) for (let j = 0; j < k; j++) if (row[k] > row[j]) later++;
    }
    return (6 * later) / (tokens * (tokens - 1) * (tokens - 2));
  }

  /** By how much the last query scores the newest earlier key above the first one. */
  const climb = (scores) => scores.at(-1).at(-2) - scores.at(-1)[0];

  /** A Monte Carlo that goes on where it stopped: `more(n)` simulates n further sequences, `summary()` tells what was seen. */
  function start(setting, seed) {
    check(setting);
    const random = generator(seed);
    const seen = Array.from({ length: setting.layers }, () => ({
      probability: tally(),
      climb: tally(),
      resolved: true,
      sums: zeros(setting.tokens),
    }));
    const room = workspace(setting);
    let sequences = 0;
    function note(layer, gaps, spread) {
      const kept = seen[layer];
      if (spread < RESOLUTION) kept.resolved = false;
      kept.probability.add(recencyProbability(gaps));
      kept.climb.add(climb(gaps));
      for (let i = 0; i < gaps.length; i++) {
        for (let j = 0; j < gaps.length; j++) kept.sums[i][j] += gaps[i][j]; // zero at keys after a causal query
      }
    }
    return {
      more(number) {
        for (let n = 0; n < number; n++) {
          pass(setting, anisotropic(setting, bartlett(setting, random, room.factor)), note, room);
        }
        sequences += number;
      },
      summary: () => ({
        sequences,
        layers: seen.map(({ probability, climb, resolved, sums }) => ({
          probability: resolved ? probability.mean() : null,
          error: resolved ? probability.error() : null,
          climb: climb.mean(),
          climbError: climb.error(),
          gaps: sums.map((row) => row.map((sum) => sum / sequences)),
        })),
      }),
    };
  }

  function simulate(setting, seed, sequences) {
    const run = start(setting, seed);
    run.more(sequences);
    return run.summary();
  }

  /** The same stack on one sequence without chance: every pair of tokens has cosine alpha, every token the same length. */
  function idealGaps(setting) {
    check(setting);
    const identity = zeros(setting.tokens);
    identity.forEach((row, i) => (row[i] = Math.sqrt(setting.d)));
    const layers = [];
    pass(setting, anisotropic(setting, identity), (_, gaps) => layers.push(gaps.map((row) => row.slice())));
    return layers;
  }

  /** Their scores; 0 at keys that a causal query does not see. */
  const idealScores = (setting) =>
    idealGaps(setting).map((gaps) =>
      gaps.map((row, i) => row.map((gap, j) => (setting.causal && j > i ? 0 : gap + offsetOf(setting)))),
    );

  const recency = {
    NORMALIZATIONS,
    RESIDUALS,
    generator,
    bartlett,
    recencyProbability,
    climb,
    start,
    simulate,
    idealGaps,
    idealScores,
    offsetOf,
  };
  root.AttentionAtlas = { ...root.AttentionAtlas, recency };
})(typeof window === "undefined" ? globalThis : window);

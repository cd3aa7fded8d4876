/* What the playgrounds of Attention Atlas share: colours that everyone can tell apart, heat maps, sliders, and an address
 * that holds the setting. Plain JavaScript; a playground's own script comes after this one.
 */
(function (root) {
  "use strict";

  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const trim = (number) => String(Number(number.toFixed(3)));
  const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

  // Viridis as polynomials of degree six in each channel (coefficients by Matt Zucker, public domain), as a table.
  const VIRIDIS = [
    [
      0.2777273272234177, 0.1050930431085774, -0.3308618287255563, -4.634230498983486, 6.228269936347081,
      4.776384997670288, -5.435455855934631,
    ],
    [
      0.005407344544966578, 1.404613529898575, 0.214847559468213, -5.799100973351585, 14.17993336680509,
      -13.74514537774601, 4.645852612178535,
    ],
    [
      0.3340998053353061, 1.384590162594685, 0.09509516302823659, -19.33244095627987, 56.69055260068105,
      -65.35303263337234, 26.3124352495832,
    ],
  ];
  const COLOURS = Array.from({ length: 256 }, (_, index) =>
    VIRIDIS.map((terms) =>
      Math.round(
        255 *
          clamp(
            terms.reduceRight((sum, term) => sum * (index / 255) + term, 0),
            0,
            1,
          ),
      ),
    ),
  );

  /** A heat map, one pixel a cell; `place` takes a value to [0, 1], and cells that are not `visible` are left out. */
  function paint(canvas, rows, place, visible) {
    const tokens = rows.length;
    if (canvas.width !== tokens) canvas.width = canvas.height = tokens;
    const context = canvas.getContext("2d");
    const image = context.createImageData(tokens, tokens);
    for (let i = 0; i < tokens; i++) {
      for (let j = 0; j < tokens; j++) {
        if (!visible(i, j)) continue; // stays transparent: the page's own background, in either theme
        const [red, green, blue] = COLOURS[Math.round(255 * place(rows[i][j]))];
        image.data.set([red, green, blue, 255], 4 * (i * tokens + j));
      }
    }
    context.putImageData(image, 0, 0);
  }

  /** All colours from left to right, on a canvas of 256 x 1. */
  function paintBar(canvas) {
    const context = canvas.getContext("2d");
    const stripe = context.createImageData(256, 1);
    COLOURS.forEach((colour, index) => stripe.data.set([...colour, 255], 4 * index));
    context.putImageData(stripe, 0, 0);
  }

  /** A labelled slider as HTML; its input has the id aa-<key>. */
  const slider = ({ key, label, symbol, min, max, step }) =>
    `<div class="aa-slider" data-slider="${key}"><label for="aa-${key}"><span>${label}</span> <i>${symbol}</i></label>
       <output for="aa-${key}"></output><input type="range" id="aa-${key}" min="${min}" max="${max}" step="${step}"></div>`;

  /** Labelled radio buttons as HTML; they have the name aa-<key>. */
  const radios = ({ key, label, options }) =>
    `<fieldset class="aa-masks"><legend>${label}</legend><div class="aa-radios aa-${key}">${Object.entries(options)
      .map(
        ([value, text]) => `<label><input type="radio" name="aa-${key}" value="${value}"><span>${text}</span></label>`,
      )
      .join("")}</div></fieldset>`;

  /** Work in pieces, so that the page stays responsive: `begin(step)` calls step for `first` milliseconds, later again and
   * again for `next`, each time followed by `show`, until step returns false or other work begins. */
  function unhurried({ first, next, show }) {
    let latest = null;
    const later = (task) =>
      root.requestIdleCallback ? root.requestIdleCallback(task, { timeout: 200 }) : root.setTimeout(task, 30);
    return function begin(step) {
      latest = step;
      let left = true;
      const work = (milliseconds) => {
        for (const end = performance.now() + milliseconds; left && performance.now() < end; ) left = step();
      };
      const goOn = () => {
        if (latest !== step || !left) return;
        work(next);
        show();
        later(goOn);
      };
      work(first);
      later(goOn);
    };
  }

  const glyph = (shape, x, y) =>
    ({
      circle: `<circle cx="${x}" cy="${y}" r="5"/>`,
      diamond: `<path d="M${x} ${y - 6.5}l6.5 6.5l-6.5 6.5l-6.5 -6.5z"/>`,
      triangle: `<path d="M${x} ${y - 6}l6.5 11.5h-13z"/>`,
      ring: `<circle cx="${x}" cy="${y}" r="8"/>`,
    })[shape];
  const icon = (kind, shape) =>
    `<svg class="aa-icon aa-${kind}" viewBox="-8 -8 16 16" aria-hidden="true">${glyph(shape, 0, 0)}</svg>`;

  /** What follows the # of the address, if it is a setting and not a heading of the page: `first` is always among it. */
  function readAddress(first) {
    const query = new URLSearchParams(root.location.hash.slice(1));
    return query.has(first) ? Object.fromEntries(query) : null;
  }

  /** Put into the address whatever differs from the defaults, and nothing when nothing does. */
  function writeAddress(first, state, defaults) {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(state)) {
      if (key === first || String(value) !== String(defaults[key])) query.set(key, value);
    }
    const hash = query.toString() === `${first}=${defaults[first]}` ? "" : "#" + query.toString().replace(/%2C/g, ",");
    root.history.replaceState(null, "", root.location.pathname + root.location.search + hash);
  }

  const drawing = { clamp, trim, count, paint, paintBar, slider, radios, unhurried, glyph, icon, readAddress, writeAddress };
  root.AttentionAtlas = { ...root.AttentionAtlas, drawing };
})(window);

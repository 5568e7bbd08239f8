// Colours on the nodes: numbers on a scale, or a status each; with a legend. The colours are classes, so that a
// new theme, a redrawn graph and Netron's own picture export all find them.
const STEPS = 16;
const RAMPS = {
  light: [[255, 244, 204], [250, 176, 84], [214, 72, 52], [104, 18, 62]],
  dark: [[66, 58, 74], [140, 58, 92], [226, 98, 60], [255, 214, 110]],
};
const STATUSES = {
  unchanged: { light: [176, 182, 190], dark: [92, 97, 106] },
  changed: { light: [240, 190, 70], dark: [214, 164, 54] },
  fused: { light: [74, 134, 214], dark: [92, 150, 226] },
  removed: { light: [214, 78, 70], dark: [224, 98, 88] },
  added: { light: [64, 160, 92], dark: [84, 178, 112] },
};
const INFINITE = { light: [150, 40, 200], dark: [206, 110, 255] };  // NaN or Inf: on no scale
const css = ([red, green, blue]) => `rgb(${red}, ${green}, ${blue})`;
const isBright = ([red, green, blue]) => 0.299 * red + 0.587 * green + 0.114 * blue > 140;

function mix(ramp, share) {
  const place = share * (ramp.length - 1);
  const index = Math.min(Math.floor(place), ramp.length - 2);
  return ramp[index].map((value, i) => Math.round(value + (ramp[index + 1][i] - value) * (place - index)));
}

function colours(theme) {
  const steps = Array.from({ length: STEPS }, (_, i) => [`step-${i}`, mix(RAMPS[theme], i / (STEPS - 1))]);
  const statuses = Object.entries(STATUSES).map(([name, colour]) => [`status-${name}`, colour[theme]]);
  return [...steps, ...statuses, ['infinite', INFINITE[theme]], ['none', theme === 'dark' ? [74, 74, 74] : [226, 226, 226]]];
}

export function paintRules(theme) {
  return colours(theme).map(([name, colour]) => {
    const text = isBright(colour) ? '#111' : '#fff';
    return `.paint-${name} > .node-item-type path { fill: ${css(colour)} }
.paint-${name} > .node-item-type text { fill: ${text} }`;
  }).join('\n');
}

const shorten = (value) => (value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3)
  ? value.toExponential(1) : String(Number(value.toPrecision(3))));

// From 0 up (or from the smallest, where some are below 0); in powers of ten where values lie far apart.
function makeScale(values) {
  const finite = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (finite.length === 0) { return null; }
  const [low, high] = [Math.min(0, finite[0]), finite[finite.length - 1]];
  const smallest = finite.find((value) => value > 0);
  const typical = finite[Math.floor(finite.length / 2)];
  if (low === 0 && smallest !== undefined && high > 1000 * (typical || smallest)) {
    const [from, to] = [Math.log(smallest), Math.log(high)];
    const share = (value) => (value <= 0 ? 0 : (Math.log(value) - from) / (to - from || 1));
    return { share, low: smallest, high, kind: '(logarithmic)' };
  }
  return { share: (value) => (value - low) / (high - low || 1), low, high, kind: '' };
}

export class Painter {
  constructor(document) {
    this._document = document;
    this._legend = document.getElementById('workbench-legend');
    this._style = document.getElementById('workbench-paint');
    this._overlay = null;
    this.theme = 'light';
  }

  set theme(theme) {
    this._theme = theme;
    this._style.textContent = paintRules(theme);
  }

  set(overlay) { this._overlay = overlay && (overlay.values || overlay.statuses) ? overlay : null; }

  // Gives every node of the drawn graph its class; `nodes` yields [name, element].
  paint(nodes) {
    const { values, statuses } = this._overlay ?? {};
    const infinite = new Set(this._overlay?.infinite);
    const scale = values ? makeScale(Object.values(values)) : null;
    let painted = 0;
    for (const [name, element] of nodes) {
      element.classList.remove(...Array.from(element.classList).filter((item) => item.startsWith('paint-')));
      if (!this._overlay) { continue; }
      let colour = 'none';
      if (statuses && Object.hasOwn(statuses, name) && STATUSES[statuses[name]]) {
        colour = `status-${statuses[name]}`;
      } else if (infinite.has(name)) {
        colour = 'infinite';
      } else if (scale && Object.hasOwn(values, name) && Number.isFinite(values[name])) {
        const share = Math.min(1, Math.max(0, scale.share(values[name])));
        colour = `step-${Math.round(share * (STEPS - 1))}`;
      }
      painted += colour === 'none' ? 0 : 1;
      element.classList.add(`paint-${colour}`);
    }
    this._drawLegend(scale);
    return painted;
  }

  _drawLegend(scale) {
    const make = (name, className, text) => {
      const element = this._document.createElement(name);
      element.className = className;
      if (text !== undefined) { element.textContent = text; }
      return element;
    };
    this._legend.replaceChildren();
    this._legend.hidden = !this._overlay;
    if (!this._overlay) { return; }
    const { label, statuses, counts, infinite } = this._overlay;
    if (label) { this._legend.append(make('div', 'legend-label', label)); }
    if (statuses) {
      const present = counts ?? Object.values(statuses).reduce((all, status) => {
        all[status] = (all[status] ?? 0) + 1;
        return all;
      }, {});
      for (const status of Object.keys(STATUSES).filter((name) => present[name])) {
        const row = make('div', 'legend-row');
        row.append(make('span', `legend-swatch swatch-${status}`), make('span', '', status),
          make('span', 'legend-count', String(present[status])));
        row.firstChild.style.background = css(STATUSES[status][this._theme]);
        this._legend.append(row);
      }
    } else if (scale) {
      const bar = make('span', 'legend-bar');
      bar.style.background = `linear-gradient(to right, ${RAMPS[this._theme].map(css).join(', ')})`;
      const row = make('div', 'legend-scale');
      row.append(make('span', '', shorten(scale.low)), bar, make('span', '', shorten(scale.high)));
      if (scale.kind) { row.append(make('span', 'legend-kind', scale.kind)); }
      this._legend.append(row);
    }
    if (infinite?.length) {
      const row = make('div', 'legend-row');
      row.append(make('span', 'legend-swatch'), make('span', '', 'infinite'),
        make('span', 'legend-count', String(infinite.length)));
      row.firstChild.style.background = css(INFINITE[this._theme]);
      this._legend.append(row);
    }
  }
}

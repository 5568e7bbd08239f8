// A Plotly figure. The library comes from the kernel, packed, once for all figures of the page.

const STORE = Symbol.for('workbench.plotly');
const OPTIONS = {
  displaylogo: false, responsive: false, modeBarButtonsToRemove: ['lasso2d', 'select2d', 'autoScale2d'],
};

async function unpack(library) {
  const stream = new Blob([library.get('data')]).stream().pipeThrough(new DecompressionStream('gzip'));
  const text = await new Response(stream).text();
  // A page may have a loader of modules of its own, or another plotly: this one keeps to itself.
  const source = `const module = { exports: {} };\n${text}\nexport default module.exports;`;
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const before = Object.getOwnPropertyDescriptor(window, 'Plotly');
  try {
    return (await import(url)).default;
  } finally {
    URL.revokeObjectURL(url);
    if (before) { Object.defineProperty(window, 'Plotly', before); } else { delete window.Plotly; }
  }
}

async function load(model) {
  const library = await model.widget_manager.get_model(model.get('_library').replace('IPY_MODEL_', ''));
  const store = globalThis[STORE] ??= new Map();
  const version = library.get('version');
  if (!store.has(version)) {
    const loading = unpack(library);
    store.set(version, loading);
    loading.catch(() => store.delete(version)); // the next figure tries again
  }
  return store.get(version);
}

function render({ model, el }) {
  const place = document.createElement('div');
  const error = document.createElement('div');
  place.setAttribute('role', 'img');
  error.setAttribute('role', 'alert');
  error.className = 'wb-error';
  el.classList.add('wb-plot');
  el.append(place, error);
  keepKeys(el);

  let plotly = null;
  let gone = false;
  let drawn = '';
  let listens = false;
  const report = (state) => {
    if (model.get('state') !== state) { model.set('state', state); model.save_changes(); }
  };

  async function draw() {
    const text = model.get('_figure');
    if (!text) { return; }
    try {
      plotly = await load(model);
      if (gone || text !== model.get('_figure') || text === drawn) { return; } // a later one has overtaken it
      drawn = text;
      const { data, layout } = JSON.parse(text);
      place.setAttribute('aria-label', model.get('label'));
      await plotly.react(place, data, { ...layout, autosize: true }, OPTIONS);
      if (!listens) { // not by whether it is the first: that one may have failed
        place.on('plotly_click', ({ points }) => {
          const clicked = points[0]?.customdata;
          if (clicked !== undefined) { model.send({ clicked }); }
        });
        listens = true;
      }
      error.textContent = '';
      report('ready');
    } catch (problem) {
      error.textContent = `The plot cannot be drawn: ${problem.message}`;
      report('error');
    }
  }

  // Also when it comes into view: what is folded away has no width to draw in.
  const watch = new ResizeObserver(() => {
    if (drawn && plotly && place.clientWidth) { plotly.Plots.resize(place); }
  });
  watch.observe(el);
  model.on('change:_figure', draw);
  draw();
  return () => {
    gone = true;
    watch.disconnect();
    model.off('change:_figure', draw);
    if (drawn) { plotly.purge(place); }
  };
}

export default { render };

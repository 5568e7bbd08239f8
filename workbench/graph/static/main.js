// The page: one graph, drawn by Netron; and the messages that the notebook and the page send each other.
import * as view from 'netron/view.js';
import { PageHost } from 'workbench/host.js';
import { Painter, paintRules } from 'workbench/paint.js';
import { applyTheme, withExportStyles } from 'workbench/theme.js';

const embedded = parent !== window;

// Every drawn node with its name, also those of subgraphs that stand opened inside a node.
function* drawnNodes(target) {
  for (const { label } of target?.nodes.values() ?? []) {
    if (!(label?.value?.type && label.element)) { continue; }
    yield label;
    for (const block of label.blocks.flatMap((list) => list._items ?? [])) {
      for (const inner of block.content?.blocks ?? []) { yield* drawnNodes(inner.target); }
    }
  }
}

const outputsOf = (node) => (node.outputs ?? []).flatMap((argument) => argument.value.map((value) => value.name));

class Page {
  constructor(settings) {
    this._token = null;
    this._host = new PageHost(settings);
    this._view = new view.View(this._host);
    this._painter = new Painter(document);
    this._found = { text: '', index: -1 };
    this._hook();
  }

  start() { return this._view.start(); }

  // Netron's view tells nobody what it does, so the few methods that matter are wrapped.
  _hook() {
    const wrap = (name, around) => {
      const method = this._view[name];
      if (typeof method !== 'function') { throw new Error(`Netron has no '${name}' any more.`); }
      this._view[name] = (...args) => around(method.bind(this._view), ...args);
    };
    for (const name of ['render', 'refresh']) {
      wrap(name, async (method, ...args) => {
        const result = await method(...args);
        this._repaint();
        return result;
      });
    }
    wrap('showNodeProperties', (method, node, source) => {
      this._tell(node);
      if (!embedded || this._sidebar) { method(node, source); }
    });
    wrap('showTensorProperties', (method, argument, source) => {
      const [value] = argument.value;
      const owner = this._nodes().find((label) => (label.inputs ?? []).includes(argument));
      if (embedded && owner) { this._tell(owner.value, value.name); } else { method(argument, source); }
    });
    wrap('export', (method, file) => withExportStyles(document, paintRules('light'), () => method(file)));
  }

  _nodes() { return [...drawnNodes(this._view.target)]; }

  _repaint() {
    const painted = this._painter.paint(this._nodes().map((label) => [label.value.name, label.element]));
    this._post({ type: 'painted', count: painted });
  }

  // `asked`: the parent said so itself, nobody clicked.
  _tell(node, tensor = null) {
    if (node?.type) {
      const asked = Boolean(this._asked);
      this._post({ type: 'selected', name: node.name, operator: node.type.name, outputs: outputsOf(node), tensor, asked });
    }
  }

  _post(message) {
    if (embedded) { parent.postMessage({ ...message, token: this._token }, '*'); }
  }

  async open(graph) {
    try {
      await this._host.open(graph);
      this._post({ type: 'ready', nodes: this._nodes().length, key: graph.key ?? null });
    } catch (error) {
      this._post({ type: 'error', message: error.message, key: graph.key ?? null });
      await this._view.error(error, 'The graph cannot be shown.', 'welcome');
    }
  }

  // By the node's name, else by the name of a tensor that it makes; `also` are marked with it.
  select(name, also = []) {
    const nodes = this._nodes();
    const label = nodes.find(({ value }) => value.name === name) ?? nodes.find(({ value }) => outputsOf(value).includes(name));
    if (label) { this._show(label, true); }
    const marked = nodes.filter(({ value }) => also.includes(value.name)).map(({ value }) => value);
    if (marked.length) { this._view.target.select(label ? [label.value, ...marked] : marked); }
    return Boolean(label) || marked.length > 0;
  }

  // The operator's documentation, where there is one; else the node's properties, both in Netron's sidebar.
  async explain(name) {
    const label = this._nodes().find(({ value }) => value.name === name);
    if (label?.value.type.description) {
      this._show(label, true);
      await this._view.showDefinition(label.value.type);
      label.context.scrollTo([label.element], 'instant'); // the sidebar has taken half of the room
    } else if (label) {
      this._sidebar = true;
      this._show(label, true);
      this._sidebar = false;
    }
  }

  _show(label, asked = false) {
    this._asked = asked;
    label.context.activate(label.value, 'target');
    this._asked = false;
    label.context.scrollTo([label.element], 'instant');
  }

  // Enter goes on to the next node that matches.
  search(text, step = 1) {
    const wanted = text.trim().toLowerCase();
    const matches = wanted === '' ? [] : this._nodes().filter(({ value }) => value.name.toLowerCase().includes(wanted)
      || value.type.name.toLowerCase().includes(wanted));
    const index = this._found.text === wanted ? this._found.index + step : step > 0 ? 0 : -1;
    this._found = { text: wanted, index: matches.length ? (index + matches.length) % matches.length : -1 };
    if (matches.length) { this._show(matches[this._found.index]); }
    this._post({ type: 'found', count: matches.length, index: this._found.index });
  }

  overlay(overlay) {
    this._painter.set(overlay);
    this._repaint();
  }

  theme(dark) {
    applyTheme(document, dark);
    this._painter.theme = dark ? 'dark' : 'light';
    this._repaint();
  }

  listen(event) {
    if (event.source !== parent || !event.data || typeof event.data !== 'object') { return; }
    const { type, token, ...data } = event.data;
    if (type === 'hello' && this._token === null) { this._token = token; }
    if (this._token === null || token !== this._token) { return; }
    const answers = {
      hello: () => this.theme(data.dark),
      theme: () => this.theme(data.dark),
      open: () => this.open(unpack(data.graph)),
      overlay: () => this.overlay(data.overlay),
      select: () => this.select(data.name, data.also) || this._post({ type: 'missing', name: data.name }),
      search: () => this.search(data.text, data.step),
      details: () => this.explain(data.name),
      clear: () => this._view.target?.select(null),
      export: () => this._view.export(`${document.title}.${data.format}`),
    };
    if (Object.hasOwn(answers, type)) {
      Promise.resolve().then(answers[type]).catch((error) => this._post({ type: 'error', message: error.message }));
    }
  }
}

// A length, so many bytes of JSON, and the model: what `PageGraph.pack` made.
function unpack(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const about = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  return { ...about, model: new Uint8Array(buffer, 4 + size) };
}

export async function start(settings) {
  const page = new Page({ ...settings, menu: true });
  window.__view__ = page._view;
  document.addEventListener('click', (event) => { // a link in an operator's documentation leads nowhere from here
    const link = event.target.closest?.('a');
    if (link && !link.download) { event.preventDefault(); }
  }, true);
  await page.start();
  if (embedded) {
    addEventListener('message', (event) => page.listen(event));
    page._post({ type: 'loaded' });
    return;
  }
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', () => page.theme(scheme.matches));
  page.theme(scheme.matches);
  const show = async ({ model, overlay, ...graph }) => {
    page.overlay(overlay);
    await page.open({ ...graph, model: Uint8Array.from(atob(model), (char) => char.charCodeAt(0)) });
  };
  const picker = document.getElementById('workbench-picker');
  picker.append(...settings.graphs.map(({ title }, index) => new Option(title, index)));
  picker.hidden = settings.graphs.length < 2;
  picker.addEventListener('change', () => show(settings.graphs[picker.value]));
  await show(settings.graphs[0]);
}

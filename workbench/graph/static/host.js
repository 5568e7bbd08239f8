// What Netron asks of the place it runs in, answered from the page itself: no server, no network, no cookies.
import * as base from 'netron/base.js';
import * as browser from 'netron/browser.js';

// Netron takes the keyboard when a graph opens. In a notebook that would take it from the cell that runs next, so
// nothing gets the focus before the reader has come into the graph.
const focus = HTMLElement.prototype.focus;
HTMLElement.prototype.focus = function (...options) { if (document.hasFocus()) { focus.apply(this, options); } };

export class PageHost extends browser.Host {
  constructor(page) {
    super();
    this._page = page;
    this._docs = '[]';
    this._environment.type = 'Python';
    this._environment.menu = page.menu;
  }

  // The stock host asks for the visitor's country and consent here, and refuses to work when it is half a year old.
  async view(view) { this._view = view; }

  // Graphs are opened by `open`, when there is one.
  async start() {}

  async open(graph) {
    this._docs = graph.docs;
    this.document.title = graph.name;
    const context = {
      identifier: 'model.onnx', // Netron guesses the format by the name, too
      name: graph.name,
      stream: new base.BinaryStream(graph.model),
      asset: (file) => this.asset(file),
      require: (id) => this.require(id),
      error: (error) => this.exception(error),
      fetch: async () => { throw new Error('The weights are not in this page.'); },
    };
    this._view.show('welcome spinner');
    await this._view.open(context);
  }

  async require(id) { return import(`netron/${id.replace('./', '')}.js`); }

  async asset(file) {
    if (file === 'onnx-metadata.json') { return this._docs; }
    throw new Error(`This page has no '${file}'.`);
  }

  // A module worker cannot import blobs from a page without an origin of its own: this one is a classic worker.
  worker() {
    const layout = this._page.modules['netron/dagre.js'].replace(/^export /mg, '');
    const answer = `self.addEventListener('message', ({ data }) => {
      try { dagre.layout(data.nodes, data.edges, data.layout, data.state); self.postMessage(data); }
      catch (error) { self.postMessage({ type: 'error', message: error.message }); }
    });`;
    return new Worker(URL.createObjectURL(new Blob([layout, answer], { type: 'text/javascript' })));
  }

  // Netron offers to give up when a layout takes long; it takes as long as it takes, in the worker.
  async message(text, alert, action) {
    if (alert) { return super.message(text, alert, action); }
    const note = this.document.getElementById('workbench-note');
    note.textContent = text ? 'Laying out a large graph…' : '';
    return text ? new Promise(() => {}) : undefined;
  }

  openURL() {}
  event() {}
  get() { return null; }
  set() {}
  delete() {}
  exception(error) { if (error) { console.warn(error.message); } }
}

// Netron's page in a frame without an origin: it cannot reach this page, and no connection leaves it.
// The two send each other messages; each checks where a message comes from, and a word that only they know.

async function unzip(view) {
  const stream = new Blob([view]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}

// A packed graph begins with a length and so many bytes of JSON; one that is damaged has no key.
function keyOf(graph) {
  try {
    return JSON.parse(new TextDecoder().decode(new Uint8Array(graph, 4, new DataView(graph).getUint32(0, true)))).key;
  } catch { return null; }
}

// JupyterLab and Notebook, VS Code, Colab; elsewhere the system's own choice.
const system = matchMedia('(prefers-color-scheme: dark)');
function isDark() {
  const { body, documentElement } = document;
  if (body.dataset.jpThemeLight) { return body.dataset.jpThemeLight === 'false'; }
  if (/vscode-(dark|high-contrast)(?!-light)/.test(body.className)) { return true; }
  if (body.classList.contains('vscode-light')) { return false; }
  if (documentElement.hasAttribute('theme')) { return documentElement.getAttribute('theme') === 'dark'; }
  return system.matches;
}

function render({ model, el }) {
  const token = crypto.getRandomValues(new Uint32Array(4)).join('-');
  const search = make('input', { type: 'search', placeholder: 'Find a node', 'aria-label': 'Find a node by name or operator' });
  const count = make('span', { class: 'wb-count', role: 'status' });
  const previous = make('button', { type: 'button', title: 'Previous match', 'aria-label': 'Previous match' }, '↑');
  const next = make('button', { type: 'button', title: 'Next match', 'aria-label': 'Next match' }, '↓');
  const pictures = ['png', 'svg'].map((format) => [format, make('button', {
    type: 'button', title: `Download the picture as ${format.toUpperCase()}`,
  }, format.toUpperCase())]);
  const status = make('span', { class: 'wb-status', role: 'status' });
  const frame = make('iframe', {
    sandbox: 'allow-scripts allow-downloads', title: model.get('label'), style: `height: ${model.get('height')}px`,
  });
  const error = make('div', { class: 'wb-error', role: 'alert' });
  const bar = make('div', { class: 'wb-bar' }, search, previous, next, count, status,
    ...pictures.map(([, button]) => button));
  el.classList.add('wb-graph');
  el.append(bar, frame, error);
  keepKeys(el);

  let open = false; // whether the page in the frame is there
  let begun = 0;
  let sendings = 0;
  let key = null; // of the graph that the page was sent last: it may still speak of the one before
  const send = (message, ...rest) => {
    if (open) { frame.contentWindow?.postMessage({ ...message, token }, '*', ...rest); }
  };
  const report = (values) => {
    for (const [name, value] of Object.entries(values)) { model.set(name, value); }
    model.save_changes();
  };

  async function sendGraph() {
    if (!model.get('_graph').byteLength || !open) { return; }
    status.textContent = 'Drawing…';
    begun = performance.now();
    sendings += 1;
    const sending = sendings;
    key = null;
    const graph = await unzip(model.get('_graph'));
    if (sending !== sendings) { return; } // a later one has overtaken it
    key = keyOf(graph);
    send({ type: 'overlay', overlay: model.get('_overlay') });
    send({ type: 'open', graph });
  }
  const sendTarget = () => {
    const { name, also } = model.get('_target');
    if (name) { send({ type: 'select', name, also }); }
  };
  const sendTheme = () => send({ type: 'theme', dark: isDark() });
  const sendSearch = (step) => send({ type: 'search', text: search.value, step });
  const query = () => {
    if (model.get('_query').text === undefined) { return; }
    search.value = model.get('_query').text;
    sendSearch(1);
  };

  const answers = {
    loaded() { // also when the notebook has moved the cell, and the browser has loaded the frame anew
      open = true;
      send({ type: 'hello', dark: isDark() });
      sendGraph();
    },
    ready({ nodes, key: drawn }) {
      if (drawn !== key) { return; }
      status.textContent = `${nodes.toLocaleString()} nodes`;
      report({ state: 'ready', drawn: nodes, error: '', seconds: (performance.now() - begun) / 1000 });
      sendTarget();
      query();
    },
    painted({ count: painted }) { report({ painted }); },
    selected({ name, operator, tensor, outputs, asked }) {
      error.textContent = '';
      if (asked) { return; } // Python knows: it chose the node
      report({ _picked: { name, operator, tensor, outputs, at: Date.now() } });
    },
    found({ count: matches, index }) { count.textContent = matches ? `${index + 1} of ${matches}` : search.value ? 'none' : ''; },
    missing({ name }) { error.textContent = `${name} is not drawn as a node of its own: constants stand inside the nodes that read them.`; },
    error({ message, key: drawn = key }) {
      if (drawn !== key) { return; }
      error.textContent = message;
      status.textContent = '';
      report({ state: 'error', error: message });
    },
  };
  const listen = (event) => {
    if (event.source !== frame.contentWindow || !event.data || typeof event.data !== 'object') { return; }
    const { type, ...data } = event.data;
    const before = type === 'loaded' || (type === 'error' && !open);
    if ((data.token === token || before) && Object.hasOwn(answers, type)) { answers[type](data); }
  };
  const showError = () => { error.textContent = model.get('error'); };

  addEventListener('message', listen);
  system.addEventListener('change', sendTheme);
  const themes = new MutationObserver(sendTheme);
  themes.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-jp-theme-light'] });
  search.addEventListener('keydown', (event) => {
    event.stopPropagation(); // Shift+Enter, too: it goes back to the match before
    if (event.key === 'Enter') { sendSearch(event.shiftKey ? -1 : 1); }
  });
  search.addEventListener('search', () => { if (!search.value) { count.textContent = ''; send({ type: 'clear' }); } });
  previous.addEventListener('click', () => sendSearch(-1));
  next.addEventListener('click', () => sendSearch(1));
  for (const [format, button] of pictures) {
    button.addEventListener('click', () => send({ type: 'export', format }));
  }
  const details = (message) => { if (message.type === 'details') { send(message); } };
  const changes = {
    '_graph': sendGraph, '_target': sendTarget, '_query': query, error: showError,
    '_overlay': () => send({ type: 'overlay', overlay: model.get('_overlay') }),
  };
  for (const [name, change] of Object.entries(changes)) { model.on(`change:${name}`, change); }
  model.on('msg:custom', details);

  status.textContent = 'Loading…';
  unzip(model.get('_page')).then((page) => { frame.srcdoc = new TextDecoder().decode(page); })
    .catch((problem) => answers.error({ message: `The page cannot be unpacked: ${problem.message}` }));

  return () => {
    removeEventListener('message', listen);
    system.removeEventListener('change', sendTheme);
    themes.disconnect();
    for (const [name, change] of Object.entries(changes)) { model.off(`change:${name}`, change); }
    model.off('msg:custom', details);
  };
}

export default { render };

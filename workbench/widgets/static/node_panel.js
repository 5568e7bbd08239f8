// What is known of the chosen node. Figures are asked of the kernel, one node at a time, and shown when they come.

const number = (value) => (typeof value !== 'number' ? String(value ?? '–')
  : value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3) ? value.toExponential(3)
    : Number(value.toPrecision(5)).toLocaleString(undefined, { maximumFractionDigits: 6 }));
const lastOf = (name) => name.split('/').filter(Boolean).slice(-2).join('/') || name;
const cut = (name, length = 60) => (name.length > length ? `…${name.slice(1 - length)}` : name);

function named(name) { return make('span', { class: 'wb-name', title: name.slice(0, 1000) }, cut(lastOf(name))); }

function histogram({ counts, minimum, maximum }) {
  const space = 'http://www.w3.org/2000/svg';
  const picture = document.createElementNS(space, 'svg');
  picture.setAttribute('viewBox', '0 0 320 60');
  picture.setAttribute('preserveAspectRatio', 'none');
  picture.setAttribute('role', 'img');
  picture.setAttribute('aria-label', `Histogram from ${number(minimum)} to ${number(maximum)}`);
  const most = Math.max(...counts);
  const width = 320 / counts.length;
  counts.forEach((count, index) => {
    const bar = document.createElementNS(space, 'rect');
    const height = count ? Math.max(1, 58 * count / most) : 0;
    const place = { x: index * width + 0.5, y: 60 - height, width: Math.max(0.5, width - 1), height };
    for (const [name, value] of Object.entries(place)) { bar.setAttribute(name, value); }
    const tip = document.createElementNS(space, 'title');
    tip.textContent = count.toLocaleString();
    bar.append(tip);
    picture.append(bar);
  });
  return make('figure', {}, picture,
    make('figcaption', {}, make('span', {}, number(minimum)), make('span', {}, number(maximum))));
}

function figures(stats, title) {
  const rows = [
    ['shape', stats.shape.join(' × ') || 'scalar'], ['type', stats.dtype], ['smallest', number(stats.minimum)],
    ['largest', number(stats.maximum)], ['mean', number(stats.mean)], ['std', number(stats.std)],
    ['zeros', `${(100 * stats.zeros).toFixed(1)} %`],
  ];
  if (stats.not_finite) { rows.push(['not finite', stats.not_finite.toLocaleString()]); }
  const table = make('table', {}, ...rows.map(([name, value]) => make('tr', {}, make('th', { scope: 'row' }, name), make('td', {}, value))));
  const box = make('div', { class: 'wb-figures' }, make('div', { class: 'wb-subject', title: stats.name.slice(0, 1000) }, title), table);
  if (stats.counts.length > 1) { box.append(histogram(stats)); }
  if (stats.first.length) {
    box.append(make('details', {}, make('summary', {}, 'First values'), make('code', {}, stats.first.map(number).join('  '))));
  }
  return box;
}

function render({ model, el }) {
  el.classList.add('wb-panel');
  const content = make('div', { class: 'wb-content', role: 'region', 'aria-label': 'The chosen node', tabindex: '0' });
  content.style.height = `${model.get('height')}px`;
  el.append(content);
  keepKeys(el);
  const parameters = make('div', { 'aria-live': 'polite' });
  const flows = make('div', { 'aria-live': 'polite' });
  const problem = make('div', { class: 'wb-error', role: 'alert' });
  const token = crypto.getRandomValues(new Uint32Array(4)).join('-'); // of this view: a panel may be shown twice
  const awaited = new Map(); // place -> the serial of the request that is to fill it
  let asked = 0;
  let shown = null;
  const chosen = { input: '0', torch: false, texts: {} }; // kept from node to node
  const goTo = (name) => make('button', {
    type: 'button', class: 'wb-link', title: `Go to ${name.slice(0, 300)}`, onclick: () => model.send({ ask: 'go', name }),
  }, cut(lastOf(name), 40));
  function ask(place, text, request) {
    asked += 1;
    place.textContent = text;
    problem.textContent = '';
    awaited.set(place, `${token} ${asked}`);
    model.send({ ...request, serial: awaited.get(place) });
  }
  const askParameter = (name) => ask(parameters, 'Reading…', { ask: 'parameter', name });

  function tensorRow(tensor) {
    const row = make('li', {}, tensor.kind === 'absent' ? make('span', { class: 'wb-type' }, 'not given') : named(tensor.name));
    if (tensor.type) { row.append(make('span', { class: 'wb-type' }, tensor.type)); }
    if (tensor.kind === 'parameter') {
      row.append(make('button', { type: 'button', title: `Figures of ${tensor.name.slice(0, 300)}`, onclick: () => askParameter(tensor.name) }, 'Figures'));
    } else if (tensor.kind === 'constant') {
      row.append(make('span', { class: 'wb-type' }, '(constant)'));
    } else if (tensor.kind === 'input') { row.append(make('span', { class: 'wb-type' }, 'input of the graph')); }
    if (tensor.nodes.length) {
      row.append(make('span', { class: 'wb-links' }, ...tensor.nodes.slice(0, 8).map(goTo),
        ...(tensor.nodes.length > 8 ? [`and ${tensor.nodes.length - 8} more`] : [])));
    }
    return row;
  }

  function flowForm(node) {
    const samples = model.get('_samples');
    const fields = model.get('_fields');
    if (!samples.length && !fields.length) { return [make('p', {}, 'There is no sample input to run.')]; }
    const select = make('select', { 'aria-label': 'Input' }, ...samples.map((label, index) => make('option', { value: String(index) }, label.length > 70 ? `${label.slice(0, 69)}…` : label)),
      ...(fields.length ? [make('option', { value: 'typed' }, 'Typed in…')] : []));
    select.value = chosen.input === 'typed' || samples[Number(chosen.input)] ? chosen.input : select.options[0].value;
    const texts = make('div', { class: 'wb-texts' }, ...fields.map(([key, label]) => {
      const box = make('textarea', { rows: '2', 'aria-label': label, placeholder: label });
      box.value = chosen.texts[key] ?? '';
      box.addEventListener('input', () => { chosen.texts[key] = box.value; });
      box.addEventListener('keydown', (event) => event.stopPropagation());
      return box;
    }));
    const showTexts = () => { chosen.input = select.value; texts.hidden = select.value !== 'typed'; };
    select.addEventListener('change', showTexts);
    showTexts();
    const torch = make('input', { type: 'checkbox' });
    torch.checked = chosen.torch && Boolean(node.module);
    torch.disabled = !node.module;
    torch.addEventListener('change', () => { chosen.torch = torch.checked; });
    const run = make('button', { type: 'button', class: 'wb-run', onclick: () => {
      const input = select.value === 'typed' ? { example: chosen.texts } : { sample: Number(select.value) };
      ask(flows, 'Running…', { ask: 'trace', name: node.name, module: torch.checked, ...input });
    } }, 'Run up to here');
    return [select, texts, make('label', {}, torch, " with PyTorch's module"), run];
  }

  function showNode() {
    const node = model.get('_node');
    shown = node;
    awaited.clear();
    parameters.replaceChildren();
    flows.replaceChildren();
    problem.textContent = '';
    if (!node) {
      content.replaceChildren(make('p', { class: 'wb-hint' }, 'Click a node, or find one by name, to see what it reads, makes and holds.'));
      return;
    }
    const section = (title, ...children) => make('section', {}, make('h4', {}, title), ...children);
    const details = make('button', { type: 'button', onclick: () => model.send({ ask: 'details', name: node.name }) }, 'About the operator');
    const parts = [make('header', {}, make('h3', {}, cut(node.operator)), details,
      make('div', { class: 'wb-path' }, node.name.slice(0, 1000)),
      ...(node.module ? [make('div', { class: 'wb-module' }, 'Module ', make('code', {}, node.module.slice(0, 1000)))] : []))];
    if (node.attributes.length) {
      parts.push(section('Attributes', make('table', {}, ...node.attributes.map(([name, value]) => make('tr', {}, make('th', { scope: 'row' }, cut(name)), make('td', {}, value))))));
    }
    parts.push(section('Reads', make('ul', {}, ...node.inputs.map(tensorRow)), parameters));
    parts.push(section('Makes', make('ul', {}, ...node.outputs.map(tensorRow))));
    if (!node.inner) { parts.push(section('What flows out', ...flowForm(node), flows)); }
    content.replaceChildren(...parts, problem);
    content.scrollTop = 0;
    if (model.get('_tensor')) { askParameter(model.get('_tensor')); }
  }

  // A parameter of the node that is shown already is read into its place, and the rest stays as it is.
  function choose() {
    if (model.get('_node') !== shown) { showNode(); } else if (model.get('_tensor')) { askParameter(model.get('_tensor')); }
  }

  function showAnswer() {
    const answer = model.get('_answer');
    const place = [parameters, flows].find((each) => awaited.has(each) && awaited.get(each) === answer.serial);
    if (!place) { return; } // to another view's question, or about a node that is shown no more
    awaited.delete(place);
    problem.textContent = '';
    if (answer.kind === 'parameter') { parameters.replaceChildren(figures(answer.stats, cut(answer.stats.name, 80))); }
    if (answer.kind === 'trace') {
      flows.replaceChildren(...answer.outputs.map((stats) => figures(stats, cut(lastOf(stats.name), 80))));
      if (answer.module) { flows.append(figures(answer.module, `PyTorch: ${cut(answer.module.name, 80)}`)); }
      if (answer.difference !== null) { flows.append(make('p', {}, `Largest difference: ${number(answer.difference)}`)); }
      if (answer.reason) { flows.append(make('p', {}, `Not compared: ${answer.reason}`)); }
    }
    if (answer.kind === 'error') {
      place.replaceChildren();
      problem.textContent = answer.message;
    }
  }

  const changes = { '_shown': choose, '_answer': showAnswer, '_samples': showNode };
  for (const [name, change] of Object.entries(changes)) { model.on(`change:${name}`, change); }
  showNode();
  return () => { for (const [name, change] of Object.entries(changes)) { model.off(`change:${name}`, change); } };
}

export default { render };

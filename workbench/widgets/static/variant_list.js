// The table of variants: ticks and the choice are traits, what changes files is asked of the kernel.

// A column: its style, its title, and what stands in it; the second of two texts is the smaller one.
const COLUMNS = [
  ['wb-name', 'Name', (row) => [row.name, row.model]],
  ['', 'Runs as', (row) => [row.runtime, row.precision]],
  ['wb-size', 'Size', (row) => [row.size]],
  ['wb-from', 'Made from', (row) => [row.made_from, row.made]],
];

function render({ model, el }) {
  el.classList.add('wb-variants');
  const group = `wb-current-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`; // of this view alone
  const table = make('div', { class: 'wb-wide' });
  const words = make('span');
  const undo = make('button', { type: 'button', onclick: () => ask({ ask: 'undo' }) }, 'Undo');
  const said = make('div', { class: 'wb-said', role: 'status' }, words, undo);
  const problem = make('div', { class: 'wb-problem', role: 'alert' });
  const broken = make('ul', { class: 'wb-broken', 'aria-label': 'Folders that cannot be read' });
  const reload = make('button', { type: 'button', title: 'Read the workspace again', onclick: () => model.send({ ask: 'reload' }) }, 'Reload');
  const legend = make('span', { class: 'wb-soft' }, 'Work on: where the next steps begin. Pick: what Inspect and Compare offer; all of this model where none is picked.');
  el.append(make('div', { class: 'wb-head' }, make('strong', {}, 'Variants'), reload, legend), table, said, problem, broken);
  let open = null; // the row that is being renamed, or about to be deleted: { key, what, was }
  let asked = null; // what takes the button that has the focus away: the question, and what was there before

  const spot = (key, what) => `${what} ${key}`;
  function focus(key, what) {
    for (const each of el.querySelectorAll('[data-spot]')) {
      if (each.dataset.spot === spot(key, what)) { each.focus(); return true; }
    }
    return false;
  }
  function show(key, what) {
    problem.textContent = ''; // it was about what was open before
    open = what ? { key, what } : null;
    draw();
  }
  function ask(question) {
    asked = { ...question, serial: model.get('_said').serial, keys: model.get('_rows').map(({ key }) => key) };
    model.send(question);
  }
  // Once the answer is there, the focus goes to what undoes it; rows and words come one after the other.
  function settle() {
    const { serial, failed, deleted } = model.get('_said');
    const [now, active] = [model.get('_rows').map(({ key }) => key), document.activeElement];
    if (!asked || (active && active !== document.body && !el.contains(active))) { asked = null; return; }
    if (failed && serial !== asked.serial) {
      if (asked.ask === 'undo') { undo.focus(); } else { focus(asked.key, 'delete'); }
    } else if (asked.ask === 'delete' && deleted && !now.includes(asked.key)) {
      undo.focus();
    } else if (asked.ask === 'undo' && !deleted) {
      focus(now.find((key) => !asked.keys.includes(key)), 'delete');
    } else { return; }
    asked = null;
  }
  function back(key, what) { show(null, null); focus(key, what); }

  const renames = (row) => open && open.key === row.key && open.what === 'rename';
  function nameBox(row) {
    const box = make('input', { type: 'text', maxlength: '60', 'aria-label': `New name of ${row.name}`, 'data-spot': spot(row.key, 'box') });
    box.value = open.typed ?? row.name;
    box.addEventListener('input', () => { open.typed = box.value; });
    box.addEventListener('keydown', (event) => {
      event.stopPropagation(); // letters are shortcuts of the notebook
      if (event.key === 'Enter') { save(row); } else if (event.key === 'Escape') { back(row.key, 'rename'); }
    });
    return make('td', { class: 'wb-name' }, box);
  }
  function cell(row, [style, , say], index) {
    if (index === 0 && renames(row)) { return nameBox(row); }
    const [first, second] = say(row);
    const soft = second ? [make('div', { class: 'wb-soft' }, second)] : [];
    return make('td', { class: style, title: index === 0 ? row.folder : '' }, make('div', {}, first), ...soft);
  }
  function save(row) {
    const typed = (open.typed ?? row.name).trim();
    if (typed === row.name) { back(row.key, 'rename'); return; }
    open.was = row.name;
    model.send({ ask: 'rename', key: row.key, name: typed });
  }
  function button(row, what, text, act, more = {}) {
    return make('button', { type: 'button', 'data-spot': spot(row.key, what), 'aria-label': `${text} ${row.name}`, onclick: act, ...more }, text);
  }
  function actionCell(row) {
    const cell = make('td', { class: 'wb-do' });
    if (!row.folder) { return cell; } // it lives in memory
    if (renames(row)) {
      cell.append(button(row, 'save', 'Save', () => save(row)), button(row, 'stop', 'Cancel', () => back(row.key, 'rename')));
    } else {
      cell.append(
        button(row, 'rename', 'Rename', () => { show(row.key, 'rename'); focus(row.key, 'box'); el.querySelector('input[type=text]').select(); }),
        button(row, 'delete', 'Delete', () => { show(row.key, 'delete'); focus(row.key, 'keep'); }),
      );
    }
    return cell;
  }
  function question(row) {
    const left = row.children ? ` ${row.children} made from it ${row.children > 1 ? 'stay and work' : 'stays and works'} without it.` : '';
    return make('tr', {}, make('td', { colspan: '2' }), make('td', { class: 'wb-ask', colspan: String(COLUMNS.length + 1) },
      make('span', { role: 'alert' }, `Delete ${row.name} (${row.size})?${left}`),
      button(row, 'yes', 'Delete', () => { open = null; ask({ ask: 'delete', key: row.key }); }, { class: 'wb-danger' }),
      button(row, 'keep', 'Keep', () => back(row.key, 'delete'))));
  }

  function tick(key, on) {
    const ticked = model.get('_ticked').filter((each) => each !== key);
    model.set('_ticked', on ? [...ticked, key] : ticked);
    model.save_changes();
  }
  function choose(key) { model.set('_chosen', key); model.save_changes(); }
  function line(row) {
    const check = make('input', { type: 'checkbox', 'aria-label': `Pick ${row.name}`, 'data-spot': spot(row.key, 'tick') });
    check.addEventListener('change', () => tick(row.key, check.checked));
    const radio = make('input', { type: 'radio', name: group, 'aria-label': `Work on ${row.name}`, 'data-spot': spot(row.key, 'choose') });
    radio.addEventListener('change', () => choose(row.key));
    const line = make('tr', { 'data-key': row.key },
      make('td', { class: 'wb-mark' }, radio), make('td', { class: 'wb-mark' }, check),
      ...COLUMNS.map((column, index) => cell(row, column, index)), actionCell(row));
    return line;
  }

  function draw() {
    const rows = model.get('_rows');
    const held = el.contains(document.activeElement) ? document.activeElement.dataset.spot : null;
    if (open && !rows.some((row) => row.key === open.key)) { open = null; }
    legend.hidden = !rows.length;
    if (!rows.length) {
      table.replaceChildren(make('div', { class: 'wb-empty' }, 'No variants yet: load a model and export it.'));
    } else {
      const head = make('tr', {}, make('th', { scope: 'col', class: 'wb-mark', title: 'The one that the next step works on' }, 'Work on'),
        make('th', { scope: 'col', class: 'wb-mark', title: 'What is looked at and compared' }, 'Pick'),
        ...COLUMNS.map(([style, title]) => make('th', { scope: 'col', class: style === 'wb-size' ? style : '' }, title)), make('th', { scope: 'col', 'aria-label': 'Rename or delete' }));
      const lines = rows.flatMap((row) => (open && open.key === row.key && open.what === 'delete' ? [line(row), question(row)] : [line(row)]));
      table.replaceChildren(make('table', {}, make('thead', {}, head), make('tbody', {}, ...lines)));
    }
    mark();
    if (held) { [...el.querySelectorAll('[data-spot]')].find((each) => each.dataset.spot === held)?.focus(); }
  }
  // Scrolls a row into a list that is cut off, as the bench's is; never the page.
  function bring(row) {
    if (!row) { return; }
    const top = row.getBoundingClientRect().top - table.getBoundingClientRect().top;
    const above = top - table.querySelector('thead').offsetHeight; // which stays when the rest scrolls
    const below = top + row.offsetHeight - table.clientHeight;
    if (above < 0) { table.scrollTop += above; } else if (below > 0) { table.scrollTop += below; }
  }
  let seen = null; // the chosen one that was brought into view
  function mark() {
    const [ticked, chosen] = [model.get('_ticked'), model.get('_chosen')];
    for (const each of table.querySelectorAll('tr[data-key]')) {
      const { key } = each.dataset;
      each.querySelector('input[type=checkbox]').checked = ticked.includes(key);
      each.querySelector('input[type=radio]').checked = key === chosen;
      if (key === chosen) { each.setAttribute('aria-current', 'true'); } else { each.removeAttribute('aria-current'); }
    }
    if (chosen !== seen) { seen = chosen; bring(table.querySelector('tr[aria-current]')); }
  }
  function renew() {
    const row = open && model.get('_rows').find((each) => each.key === open.key);
    const renamed = row && open.what === 'rename' && open.was !== undefined && row.name !== open.was;
    if (renamed) { back(row.key, 'rename'); } else { draw(); }
    settle();
  }
  function tell() {
    const { text = '', failed = false, deleted = '' } = model.get('_said');
    words.textContent = [failed ? '' : text, deleted && `${deleted} is deleted.`].filter(Boolean).join(' ');
    problem.textContent = failed ? text : '';
    undo.hidden = !deleted;
    said.classList.toggle('wb-told', Boolean(words.textContent));
    settle();
  }
  function list() { broken.replaceChildren(...model.get('_broken').map((reason) => make('li', {}, reason))); }

  keepKeys(el);
  const changes = { _rows: renew, _ticked: mark, _chosen: mark, _said: tell, _broken: list };
  for (const [name, change] of Object.entries(changes)) { model.on(`change:${name}`, change); }
  draw();
  tell();
  list();
  return () => { for (const [name, change] of Object.entries(changes)) { model.off(`change:${name}`, change); } };
}

export default { render };

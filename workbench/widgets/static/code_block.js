// Code in a box that opens, with a button that copies it.

async function copy(text, box) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https, or without the permission: the old way, by selecting it.
    const range = document.createRange();
    range.selectNodeContents(box);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    if (!document.execCommand('copy')) { return 'Selected: press Ctrl+C'; }
    selection.removeAllRanges();
  }
  return 'Copied';
}

function render({ model, el }) {
  el.classList.add('wb-code');
  const details = document.createElement('details');
  const summary = document.createElement('summary');
  const button = document.createElement('button');
  const code = document.createElement('code');
  const box = document.createElement('pre');
  const told = document.createElement('span');
  told.setAttribute('role', 'status');
  button.type = 'button';
  button.textContent = 'Copy';
  button.title = 'Copy this code, to paste it into a cell';
  box.tabIndex = 0;
  box.append(code);
  details.append(summary, button, told, box);
  el.append(details);
  keepKeys(el);

  const draw = () => {
    summary.textContent = model.get('title');
    code.textContent = model.get('code');
    details.open = model.get('shown');
    told.textContent = '';
  };
  const changes = ['code', 'title', 'shown'];
  changes.forEach((name) => model.on(`change:${name}`, draw));
  details.addEventListener('toggle', () => {
    if (details.open !== model.get('shown')) { model.set('shown', details.open); model.save_changes(); }
  });
  button.addEventListener('click', async () => { told.textContent = await copy(model.get('code'), code); });
  box.addEventListener('keydown', (event) => { if (event.key !== 'Tab') { event.stopPropagation(); } });
  draw();
  return () => changes.forEach((name) => model.off(`change:${name}`, draw));
}

export default { render };

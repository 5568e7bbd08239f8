// While a control has the focus, a notebook takes its keys for shortcuts: an arrow goes to another cell, "d d" deletes
// one, Enter edits it. Of the keys that are pressed in a widget only these stay the notebook's.
const isForNotebook = ({ key, ctrlKey, metaKey, altKey, shiftKey }) => (
  ctrlKey || metaKey || altKey || (shiftKey && key === 'Enter'));

// What lies in one of these is a widget of ours: a view that keeps its keys, a panel, a bench.
const OURS = '.wb-keys, .wb-steps, .wb-bench';

// JupyterLab passes over what has this attribute. It is set before the key arrives anywhere, and for all controls of the
// page: most of a panel is drawn by scripts that are not ours.
function suppressShortcuts() {
  const store = Symbol.for('workbench.keys');
  if (globalThis[store]) { return; } // another view has seen to it
  globalThis[store] = true;
  window.addEventListener('keydown', (event) => {
    if (event.target.closest?.(OURS)) { event.target.toggleAttribute('data-lm-suppress-shortcuts', !isForNotebook(event)); }
  }, true);
}

// Every view calls this with its root. Other hosts know no attribute: they hear nothing of the key.
function keepKeys(root) {
  root.classList.add('wb-keys');
  root.addEventListener('keydown', (event) => {
    if (event.key !== 'Tab' && !isForNotebook(event)) { event.stopPropagation(); }
  });
  suppressShortcuts();
}


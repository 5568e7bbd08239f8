// What stands before every module of this folder that makes elements by hand: see assets.py.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) { element.addEventListener(name.slice(2), value); } else { element.setAttribute(name, value); }
  }
  element.append(...children);
  return element;
}

// Keys that the notebook would take for its own: Enter edits the cell, the arrows go to another one.
function keepKeys(element) {
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Tab' && !event.shiftKey && !event.ctrlKey && !event.metaKey) { event.stopPropagation(); }
  });
}


// What stands before every module of this folder that makes elements by hand: see assets.py.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) { element.addEventListener(name.slice(2), value); } else { element.setAttribute(name, value); }
  }
  element.append(...children);
  return element;
}

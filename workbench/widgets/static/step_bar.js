// The steps of the path as a row of buttons: the open one is marked, and so are those that are done or at work.

const SAID = { open: '', running: ', running', done: ', done' };

function make(name, parent) {
  return parent.appendChild(document.createElement(name));
}

function render({ model, el }) {
  el.classList.add('wb-stepbar');
  const nav = make('nav', el);
  nav.setAttribute('aria-label', 'Steps');
  const list = make('ol', nav);
  const buttons = new Map();

  const open = (name) => { model.set('current', name); model.save_changes(); };
  model.get('_steps').forEach(({ name, title }, index) => {
    const button = make('button', make('li', list));
    const mark = make('span', button);
    make('span', button).textContent = title;
    button.type = 'button';
    mark.className = 'wb-mark';
    mark.setAttribute('aria-hidden', 'true');
    button.addEventListener('click', () => open(name));
    buttons.set(name, { button, mark, title, number: String(index + 1) });
  });

  const draw = () => {
    const states = model.get('states');
    for (const [name, { button, mark, title, number }] of buttons) {
      const state = states[name] ?? 'open';
      button.dataset.state = state;
      if (name === model.get('current')) { button.setAttribute('aria-current', 'step'); } else { button.removeAttribute('aria-current'); }
      mark.textContent = { open: number, running: '', done: '✓' }[state];
      button.setAttribute('aria-label', `${title}${SAID[state]}`);
    }
  };
  // Keys that the notebook would take for its own: Enter edits the cell, the arrows go to another one.
  nav.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const all = [...buttons.values()].map(({ button }) => button);
    if (step) {
      event.preventDefault();
      all[(all.indexOf(event.target) + step + all.length) % all.length].focus();
    }
    if (event.key !== 'Tab' && !event.shiftKey && !event.ctrlKey && !event.metaKey) { event.stopPropagation(); }
  });
  const changes = ['current', 'states'];
  changes.forEach((name) => model.on(`change:${name}`, draw));
  draw();
  return () => changes.forEach((name) => model.off(`change:${name}`, draw));
}

export default { render };

// The steps of the path as a row of buttons: the open one is marked, and so are those that are done or at work.

const SAID = { open: '', running: ', running', done: ', done' };

function render({ model, el }) {
  el.classList.add('wb-stepbar');
  const list = make('ol');
  const nav = make('nav', { 'aria-label': 'Steps' }, list);
  el.append(nav);
  const buttons = new Map();

  const open = (name) => { model.set('current', name); model.save_changes(); };
  model.get('_steps').forEach(({ name, title }, index) => {
    const mark = make('span', { class: 'wb-mark', 'aria-hidden': 'true' });
    const button = make('button', { type: 'button', onclick: () => open(name) }, mark, make('span', {}, title));
    list.append(make('li', {}, button));
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
  nav.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const all = [...buttons.values()].map(({ button }) => button);
    if (step) {
      event.preventDefault();
      all[(all.indexOf(event.target) + step + all.length) % all.length].focus();
    }
  });
  keepKeys(el);
  const changes = ['current', 'states'];
  changes.forEach((name) => model.on(`change:${name}`, draw));
  draw();
  return () => changes.forEach((name) => model.off(`change:${name}`, draw));
}

export default { render };

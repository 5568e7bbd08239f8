// A line of which the first part is read out when it changes. What is counted beside it is not.

function render({ model, el }) {
  el.classList.add('wb-line');
  const heard = make('span', { role: 'status' });
  const counted = make('span', { 'aria-hidden': 'true' });
  el.append(heard, counted);

  const fill = (place, name) => { if (place.textContent !== model.get(name)) { place.textContent = model.get(name); } };
  const draw = () => { fill(heard, '_heard'); fill(counted, '_counted'); };
  const changes = ['_heard', '_counted'];
  changes.forEach((name) => model.on(`change:${name}`, draw));
  draw();
  return () => changes.forEach((name) => model.off(`change:${name}`, draw));
}

export default { render };

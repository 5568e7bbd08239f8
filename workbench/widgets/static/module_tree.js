// Modules as a tree of boxes: a tick says that a module is quantized. Boxes tell the kernel, which answers with the tree.

function render({ model, el }) {
  el.classList.add('wb-tree');
  const title = make('div', { class: 'wb-tree-title' });
  const box = make('div', { class: 'wb-tree-box', role: 'group', 'aria-label': 'Modules to quantize' });
  el.append(title, box);
  const opened = new Map(); // glob -> whether its branch is open; kept from tree to tree

  function draw() {
    const branches = model.get('_branches');
    const held = box.contains(document.activeElement) ? document.activeElement.dataset.spot : null;
    const top = box.scrollTop;
    title.textContent = model.get('_title');
    const lists = [make('ul')];
    branches.forEach((branch, index) => {
      const inner = branches[index + 1]?.depth > branch.depth;
      const check = make('input', { type: 'checkbox', 'data-spot': `tick ${branch.glob}` });
      check.checked = branch.taken === branch.total;
      check.indeterminate = branch.taken > 0 && !check.checked;
      check.disabled = model.get('disabled');
      check.addEventListener('change', () => model.send({ ask: 'toggle', glob: branch.glob, take: check.checked }));
      const count = inner || branch.total > 1 ? make('span', { class: 'wb-tree-count' }, `${branch.taken} of ${branch.total}`) : '';
      const item = make('li', {}, make('label', { title: branch.glob }, check, make('span', {}, branch.label), count));
      lists.length = branch.depth + 1;
      lists[branch.depth].append(item);
      if (!inner) { return; }
      const list = make('ul');
      const twist = make('button', { type: 'button', 'aria-label': `Show what is in ${branch.label}`, 'data-spot': `open ${branch.glob}` });
      const turn = (open) => {
        opened.set(branch.glob, open);
        twist.setAttribute('aria-expanded', String(open));
        twist.textContent = open ? '▾' : '▸';
        list.hidden = !open;
      };
      twist.addEventListener('click', () => turn(list.hidden));
      turn(opened.get(branch.glob) ?? branch.depth === 0);
      item.prepend(twist);
      item.append(list);
      lists.push(list);
    });
    box.replaceChildren(lists[0]);
    box.scrollTop = top;
    if (held) { [...box.querySelectorAll('[data-spot]')].find((each) => each.dataset.spot === held)?.focus(); }
  }

  keepKeys(el);
  const changes = ['_branches', '_title', 'disabled'];
  changes.forEach((name) => model.on(`change:${name}`, draw));
  draw();
  return () => changes.forEach((name) => model.off(`change:${name}`, draw));
}

export default { render };

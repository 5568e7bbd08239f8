"""A page for the scripts of the widgets, without a kernel: a stand-in for the model says what comes when."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, Page

from workbench.widgets.assets import read_script

MODEL = """<!DOCTYPE html><body><div id="cell"></div><script>
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer);
const model = {
  state: {}, sent: [], listeners: {},
  get(name) { return this.state[name]; },
  set(name, value) { this.state[name] = value; },
  save_changes() {},
  send(message) { this.sent.push(message); },
  on(event, listener) { this.listeners[event] = listener; },
  off() {},
  receive(values) { // all are set before anyone hears of one, as in the notebook
    const changed = Object.keys(values).filter((name) => values[name] !== this.state[name]);
    Object.assign(this.state, values);
    for (const name of changed) { this.listeners[`change:${name}`]?.(); }
  },
};
const begin = async (code) => {
  const module = await import(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
  module.default.render({ model, el: document.getElementById('cell') });
};
</script></body>"""


@contextlib.contextmanager
def open_page(chromium: Browser) -> Iterator[Page]:
    """An empty page with the stand-in in it."""
    context = chromium.new_context()
    page = context.new_page()
    page.set_content(MODEL)
    yield page
    context.close()


def start(page: Page, script: str, state: dict[str, Any]) -> None:
    """Draws a widget: its script, and the values that its model has at first."""
    page.evaluate("state => model.receive(state)", state)
    page.evaluate("code => begin(code)", read_script(script))

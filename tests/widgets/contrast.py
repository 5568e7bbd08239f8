"""How well texts stand out from what is behind them, by the rule of WCAG: 4.5 to 1, and 3 to 1 for large ones."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator

# What a control that is off says need not stand out, and neither need pictures and what is not on the page.
_FIND_FAINT = """root => {
  const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const read = (colour) => { // whatever way it is written
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = '#000';
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = ([red, green, blue, alpha], below) => [
    ...[red, green, blue].map((part, index) => part * alpha + below[index] * (1 - alpha)), 1];
  const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? read('Canvas') : [255, 255, 255, 1];
  const ground = (element) => {
    if (!element) { return canvas; }
    const own = read(getComputedStyle(element).backgroundColor);
    return own[3] > 0.999 ? own : over(own, ground(element.parentElement));
  };
  const light = (colour) => [0.2126, 0.7152, 0.0722].reduce((sum, share, index) => {
    const part = colour[index] / 255;
    return sum + share * (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  }, 0);
  const faint = [];
  let looked = 0;
  for (const element of root.querySelectorAll('*')) {
    const said = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join(' ').trim()
      || (element.matches('input:not([type=checkbox]):not([type=radio])') && element.value) || '';
    if (!said || element.closest('svg, script, style, option, :disabled, [aria-disabled=true]')) { continue; }
    const style = getComputedStyle(element);
    if (!element.checkVisibility({ visibilityProperty: true })) { continue; }
    let faded = 1;
    for (let each = element; each; each = each.parentElement) { faded *= Number(getComputedStyle(each).opacity); }
    const below = ground(element);
    const [red, green, blue, alpha] = read(style.color);
    const [high, low] = [light(over([red, green, blue, alpha * faded], below)), light(below)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    looked += 1;
    if (ratio < (isLarge ? 3 : 4.5)) {
      faint.push(`${ratio.toFixed(2)}: ${element.tagName} ${element.className} ${said.slice(0, 40)}`);
    }
  }
  return { looked, faint };
}"""


def find_faint_texts(root: Locator) -> list[str]:
    """The visible texts in an element that do not stand out enough, each with its ratio.

    Raises:
        AssertionError: There is no text to look at.
    """
    found: dict[str, Any] = root.evaluate(_FIND_FAINT)
    assert found["looked"], "There is no visible text in it."
    return list(found["faint"])

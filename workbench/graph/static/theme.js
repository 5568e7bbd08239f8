// Light or dark as the notebook says, not only as the system does: Netron's dark rules stand in media queries,
// which are switched here by hand.
const switched = new Set();

export function applyTheme(document, dark) {
  for (const sheet of document.styleSheets) {
    for (const rule of sheet.cssRules) {
      if (rule instanceof CSSMediaRule && /prefers-color-scheme:\s*dark/.test(rule.conditionText)) { switched.add(rule); }
    }
  }
  for (const rule of switched) { rule.media.mediaText = dark ? 'all' : 'not all'; }
  document.documentElement.classList.toggle('workbench-dark', dark);
}

// Netron's export looks for a style sheet by its file's name, and finds it inlined here. Pictures are on white, so
// they are drawn in the light colours.
export async function withExportStyles(document, extra, work) {
  const light = document.getElementById('netron-grapher').sheet.cssRules;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(extra);
  const rules = [...light, ...sheet.cssRules].filter((rule) => rule instanceof CSSStyleRule);
  const stand = [{ href: '/grapher.css', cssRules: rules }];
  Object.defineProperty(document, 'styleSheets', { configurable: true, get: () => stand });
  try {
    return await work();
  } finally {
    delete document.styleSheets;
  }
}

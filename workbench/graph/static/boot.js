// The first script of the page: it makes Netron's modules and ours importable, with no server behind them.
// Each module becomes a blob, and an import map gives the blobs their names.
(() => {
  const page = JSON.parse(document.getElementById('workbench-page').textContent);
  const nonce = document.currentScript.nonce;
  const blob = (source) => URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const imports = Object.fromEntries(Object.entries(page.modules).map(([name, source]) => [name, blob(source)]));
  const map = JSON.stringify({ imports });

  // Netron fills some of its sidebar through innerHTML. It escapes what comes from the model; should it forget to
  // once, only plain formatting tags come through here, and the page's policy runs no inline script either.
  const plain = /^<(?!\/?(?:a|b|br|code|dd|div|dl|dt|em|h[1-6]|hr|i|li|ol|p|pre|span|strong|sub|sup|svg|table|tbody|td|th|thead|tr|tt|ul|use)\b)/i;
  globalThis.trustedTypes?.createPolicy('default', {
    createHTML: (text) => text.replace(/<[^<]?[^<]*/g, (tag) => (plain.test(tag) ? `&lt;${tag.slice(1)}` : tag)),
    createScript: (text) => (text === map ? text : null),
    createScriptURL: (url) => (url.startsWith('blob:') ? url : null),
  });

  const element = document.createElement('script');
  element.type = 'importmap';
  element.nonce = nonce;
  element.textContent = map;
  document.head.appendChild(element);
  import('workbench/main.js').then(({ start }) => start(page)).catch((error) => {
    document.body.className = 'welcome';
    document.body.textContent = `The graph cannot be shown: ${error.message}`;
    if (parent !== window) { parent.postMessage({ type: 'error', message: error.message }, '*'); }
  });
})();

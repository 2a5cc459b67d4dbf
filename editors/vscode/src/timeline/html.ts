// The page of the timeline, made fit for a webview: nothing is loaded from anywhere, and only what
// carries this page's nonce runs.

import { randomBytes } from 'node:crypto';

export function policy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    'img-src data: blob:',
    'worker-src blob:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

export function newNonce(): string {
  return randomBytes(18).toString('base64url');
}

/** The page with its policy and nonce in the places that it leaves for them. */
export function prepared(page: string, nonce = newNonce()): string {
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy(nonce)}">`;
  const withNonce = page.replaceAll('nonce=""', `nonce="${nonce}"`);
  return withNonce.includes('<!--csp-->')
    ? withNonce.replace('<!--csp-->', meta)
    : withNonce.replace(/<head[^>]*>/i, (head) => `${head}${meta}`);
}

/** A page that says one thing, without any script. */
export function notice(title: string, text: string): string {
  const nonce = newNonce();
  const style =
    'body{padding:24px;max-width:60ch;line-height:1.5}h1{font-size:16px;font-weight:600}p{color:var(--vscode-descriptionForeground)}';
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy(nonce)}"><style nonce="${nonce}">${style}</style></head><body><h1>${escaped(title)}</h1><p>${escaped(text)}</p></body></html>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

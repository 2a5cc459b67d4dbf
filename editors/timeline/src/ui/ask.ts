// A view's own question to the host: asked when what it depends on changes, kept while it does not.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { App } from '../app.ts';
import type { Json } from '../model/read.ts';

export type Asked<T> =
  | { readonly state: 'asking' }
  | { readonly state: 'there'; readonly value: T }
  | { readonly state: 'failed'; readonly why: string };

/** Characters of a question: a host takes 64 KiB, and names in a trace may be longer. */
const LONGEST = 32_000;

/** `null` as params asks nothing. The last answer stays while the next one is under way. */
export function useAsk<T>(
  app: App,
  method: string,
  params: { [key: string]: Json } | null,
  read: (x: unknown) => T,
): Asked<T> {
  const [asked, setAsked] = useState<Asked<T>>({ state: 'asking' });
  const latest = useRef(0);
  const key = params === null ? null : JSON.stringify([method, params, app.state?.analysis ?? 0, app.texts]);
  useEffect(() => {
    const mine = ++latest.current;
    if (params === null) {
      setAsked({ state: 'asking' });
      return;
    }
    if (key !== null && key.length > LONGEST) {
      setAsked({ state: 'failed', why: 'This name is too long to be asked for.' });
      return;
    }
    app.host.request(method, params).then(
      (answer) => mine === latest.current && setAsked({ state: 'there', value: read(answer) }),
      (e: unknown) =>
        mine === latest.current && setAsked({ state: 'failed', why: e instanceof Error ? e.message : String(e) }),
    );
  }, [key]);
  return asked;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PushMessage } from '../../../src/api/push/push-shapes.ts';
import { windowFor } from './open-windows.ts';
import { shownOf } from './push-text.ts';
import { SharedHold } from './shared-hold.ts';
import { ShellCache, type ShellPlatform } from './shell-cache.ts';
import type { Keep } from './worker-protocol.ts';

const origin = 'https://oxbow.example';

/** Caches in memory, and a server with one version of the interface. */
function openRig() {
  const stores = new Map<string, Map<string, Response>>();
  let version = 'one';
  const requested: string[] = [];
  const caches = {
    async open(name: string) {
      const store = stores.get(name) ?? new Map<string, Response>();
      stores.set(name, store);
      return {
        keys: async () => [...store.keys()].map((url) => ({ url })),
        match: async (url: string) => store.get(url)?.clone(),
        put: async (url: string, response: Response) => void store.set(url, response),
      };
    },
    keys: async () => [...stores.keys()],
    delete: async (name: string) => stores.delete(name),
  } as unknown as ShellPlatform['caches'];
  const fetch = async (url: string) => {
    requested.push(url);
    if (url.endsWith('/gone.js')) return new Response('', { status: 404 });
    if (url.endsWith('/gate.js')) return new Response('<html>', { headers: { 'content-type': 'text/html' } });
    if (url.endsWith('/moved.js')) return Object.defineProperty(new Response('x'), 'redirected', { value: true });
    return new Response(url === `${origin}/` ? `<html><script src="/ui/index-${version}.js">` : `content of ${url}`);
  };
  const shell = new ShellCache({ caches, fetch, origin });
  return {
    shell,
    stores,
    requested,
    serve: (next: string) => (version = next),
    keep: (of: string, ...files: string[]) => {
      const message: Keep = { type: 'keep', version: `${origin}/ui/index-${of}.js`, files };
      return shell.keep(message);
    },
    text: async (response: Promise<Response | undefined>) => (await response)?.text(),
  };
}

test('only files of the interface are kept, and the page without content', async () => {
  const { shell, stores, keep, text } = openRig();
  const page = `${origin}/ui/page.js`;
  await keep(
    'one',
    page,
    `${origin}/api/v1/me`,
    `${origin}/live/demo/index.m3u8`,
    `${origin}/ui/gone.js`,
    `${origin}/ui/gate.js`, // a proxy wants a sign-in
    `${origin}/ui/moved.js`,
    'ui/x',
    'https://cdn.example/ui/x.js',
  );
  const [kept] = stores.values();
  assert.deepEqual([...kept!.keys()].sort(), [`${origin}/`, `${origin}/ui/index-one.js`, page].sort());
  assert.equal(await text(shell.file(page)), `content of ${page}`);
  assert.match((await text(shell.shell()))!, /^<html data-stored>.*index-one/);
});

test('a new version takes over, the one before stays for open pages, and older ones go', async () => {
  const { shell, stores, keep, serve, text } = openRig();
  await keep('one', `${origin}/ui/page-one.js`);
  for (const next of ['two', 'three']) {
    serve(next);
    await keep(next, `${origin}/ui/page-${next}.js`);
  }
  assert.equal(stores.size, 2);
  assert.match((await text(shell.shell()))!, /index-three/);
  assert.equal(await shell.file(`${origin}/ui/page-one.js`), undefined);
  assert.ok(await shell.file(`${origin}/ui/page-two.js`));
});

test('the page of another version is not stored with the files of this one', async () => {
  const { shell, keep, serve } = openRig();
  serve('two'); // the server was updated while the page was open
  await keep('one');
  assert.equal(await shell.shell(), undefined);
});

test('what is stored is not requested again, and the number of files is bounded', async () => {
  const { keep, requested, stores } = openRig();
  const files = Array.from({ length: 1000 }, (_, n) => `${origin}/ui/file-${n}.js`);
  await keep('one', ...files);
  const before = requested.length;
  await keep('one', ...files.slice(0, 300));
  assert.equal(requested.length, before);
  const [kept] = stores.values();
  assert.equal(kept!.size, 401, '400 files and the page');
  await keep('one\u0000', 'x');
  await new ShellCache({ caches: { open: assert.fail } as never, fetch: assert.fail, origin }).keep({
    type: 'keep',
    version: 'https://[',
    files: [],
  });
});

test('a message is a sentence in the language of the reader, and opens a page of this server only', () => {
  const message: PushMessage = {
    kind: 'live',
    stream: 'door',
    title: 'Front $& door',
    alarm: '',
    url: '/watch/door',
    tag: 'live-door',
    atMs: 5,
  };
  const german = { live: '{name} ist live', alarms: { black: 'Schwarzes Bild' } };
  const shown = (more: object, texts = german) => shownOf(JSON.stringify({ ...message, ...more }), texts);
  assert.deepEqual(shown({}), {
    title: 'Front $& door ist live',
    body: 'door',
    tag: 'live-door',
    path: '/watch/door',
    atMs: 5,
  });
  assert.equal(shown({ title: '' }).title, 'door ist live');
  assert.deepEqual(
    [shown({ kind: 'clips' }).title, shown({ kind: 'clips', title: '' }).title],
    ['New clip: Front $& door', 'New clip'],
  );
  assert.equal(shown({ kind: 'alarms', alarm: 'black' }).title, 'Schwarzes Bild');
  assert.equal(shown({ kind: 'alarms', alarm: 'new' }).title, 'Alarm: new');
  for (const url of ['https://evil.example/', '//evil.example/', '/\\evil.example/', 'javascript:1']) {
    assert.equal(shown({ url }).path, '/', url);
  }
  for (const text of ['', '{', '[]', 'null', '"x"', '{"kind":"of a newer server"}']) {
    assert.equal(shownOf(text, {}).title, 'oxbow', text);
  }
});

test('files that are shared one after the other all arrive, each once', async () => {
  const hold = new SharedHold();
  const names = () => hold.take().map(({ name }) => name);
  const first = hold.hold([new File([], 'first')]);
  assert.deepEqual(names(), ['first']);
  await first;
  assert.deepEqual(names(), []);
  const second = hold.hold([new File([], 'second')]);
  const third = hold.hold([new File([], 'third')]); // in place of the second, which no page took
  await second;
  assert.deepEqual(names(), ['third']);
  await third;
});

test('a message opens in a page of the interface, not in a frame, a film or an answer of the API', () => {
  const at = (path: string, visibilityState = 'visible', frameType = 'top-level') => ({
    url: origin + path,
    visibilityState,
    frameType,
  });
  const others = [at('/embed/door'), at('/api/v1/streams'), at('/vod/a/film.mp4'), at('/', 'visible', 'nested')];
  assert.equal(windowFor(others), undefined);
  const [hidden, shown] = [at('/library', 'hidden'), at('/watch/door')];
  assert.equal(windowFor([...others, hidden]), hidden);
  assert.equal(windowFor([...others, hidden, shown]), shown);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { ClipFacts } from '../../api/clips/clips-api.ts';
import { asAdmin, startTestServer, type TestServer } from '../fixture.ts';
import { sendRequest } from '../request.fixture.ts';

const script = `export const words = '${'oxbow '.repeat(500)}';`;
const page = (name: string) =>
  `<!doctype html>\n<meta name="description" content="x" />\n<title>oxbow</title>\n<script src="/ui/${name}.js"></script>`;

const fromMs = Date.UTC(2026, 10, 19, 7);
const clip: ClipFacts = {
  stream: 'private',
  title: '2 < 3',
  fromMs,
  toMs: fromMs + 12_500,
  isLost: false,
  owner: 'admin',
  visibility: 'public',
};
const clips = new Map<string, ClipFacts>([
  ['open', clip],
  ['hidden', { ...clip, visibility: 'private' }],
  ['lost', { ...clip, isLost: true }],
]);

suite('pages whose files are at another server', () => {
  test('name them there, and allow no other', async () => {
    const root = await mkdtemp(join(tmpdir(), 'oxbow-web-'));
    try {
      await writeFile(join(root, 'index.html'), page('index'));
      await writeFile(join(root, 'embed.html'), page('embed'));
      await using server = await startTestServer({ webRoot: root, staticUrl: 'https://cdn.example/oxbow' });
      for (const [path, name] of [
        ['/watch/public', 'index'],
        ['/embed/public', 'embed'],
        ['/nowhere', 'index'],
      ] as const) {
        const { body, headers } = await sendRequest(server, path, { headers: { accept: 'text/html' } });
        assert.match(String(body), new RegExp(`<script src="https://cdn\\.example/oxbow/ui/${name}\\.js">`), path);
        const policy = new Map(
          String(headers['content-security-policy'])
            .split('; ')
            .map((each) => [each.split(' ', 1)[0]!, each]),
        );
        for (const kind of ['default-src', 'style-src', 'img-src'])
          assert.match(policy.get(kind)!, /^\S+ 'self' https:\/\/cdn\.example(?: blob:)?$/, `${path} ${kind}`);
        assert.equal(policy.get('connect-src'), "connect-src 'self'");
      }
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});

suite('pages with a preview', () => {
  let root: string;
  let server: TestServer;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'oxbow-web-'));
    await mkdir(join(root, 'ui'));
    await writeFile(join(root, 'index.html'), page('index'));
    await writeFile(join(root, 'embed.html'), page('embed'));
    await writeFile(join(root, 'player.js'), script);
    await writeFile(join(root, 'ui', 'index-Ab12Cd34.js'), script);
    await writeFile(join(root, 'ui', 'index-Ab12Cd34.js.gz'), gzipSync(script));
    await writeFile(join(root, 'ui', 'index-Ab12Cd34.js.br'), brotliCompressSync(script));
    server = await startTestServer({
      webRoot: root,
      trustedProxies: ['192.0.2.0/24'],
      clips: { facts: (id) => clips.get(id) },
    });
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  });

  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    sendRequest(server, path, { headers, method });
  const text = async (path: string, headers: Record<string, string> = {}) => String((await ask(path, headers)).body);

  test('a browser that leaves before a file is complete makes no bug', async () => {
    await writeFile(join(root, 'ui', 'large-Ab12Cd34.js'), Buffer.alloc(4 * 1024 * 1024, 32));
    const { hostname, port } = new URL(server.url);
    const leave = async (afterHead: boolean): Promise<void> => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => {});
      socket.write('GET /ui/large-Ab12Cd34.js HTTP/1.1\r\nhost: a\r\n\r\n');
      await once(socket, afterHead ? 'data' : 'connect');
      socket.destroy();
    };
    for (let i = 0; i < 40; i++) await leave(i % 2 === 0);
    await ask('/player.js');
    assert.match(await server.deps.metrics.print(), /^oxbow_bugs_total 0$/m);
  });

  test('a watch page names its stream with the requested host', async () => {
    const html = await text('/watch/public', { host: 'tv.example:8080' });
    assert.match(html, /<title>public · live · oxbow<\/title>/);
    assert.match(html, /property="og:url" content="http:\/\/tv\.example:8080\/watch\/public"/);
    assert.match(html, /property="og:video" content="http:\/\/tv\.example:8080\/embed\/public"/);
    assert.match(html, /\/ui\/index\.js/);
  });

  test('with a proxy on this computer it names the proxy’s address', async () => {
    const headers = { host: 'inner', 'x-forwarded-host': 'tv.example', 'x-forwarded-proto': 'https' };
    assert.match(await text('/watch/public', headers), /content="https:\/\/tv\.example\/watch\/public"/);
  });

  test('a private stream, an unknown one and an invalid name look the same, also to administrators', async () => {
    const pages = await Promise.all(
      ['/watch/private', '/watch/unknown', '/watch/UNKNOWN', '/watch/a/b'].map((path) => ask(path, { host: 'tv' })),
    );
    const bodies = new Set(pages.map(({ body }) => String(body)));
    assert.deepEqual([bodies.size, pages.map(({ status }) => status)], [1, [200, 200, 200, 200]]);
    assert.match([...bodies][0]!, /<title>oxbow<\/title>/);
    assert.equal(await text('/watch/private', { host: 'tv', ...asAdmin }), [...bodies][0]);
  });

  test('an unlisted stream has a preview: its address is enough to see it', async () => {
    assert.match(await text('/watch/unlisted'), /<title>unlisted · live/);
  });

  test('a link with a playback token has a preview, with the token in its picture and player', async () => {
    const watchToken = server.deps.access.watch.sign('private', server.clock.nowMs() + 3_600_000);
    const seen = await ask(`/watch/private?t=1795160400&token=${watchToken}`, { host: 'tv.example' });
    const html = String(seen.body);
    assert.match(html, /<title>private · live · oxbow<\/title>/);
    assert.match(html, new RegExp(`property="og:url" content="http://tv.example/watch/private\\?token=${watchToken}"`));
    assert.match(
      html,
      new RegExp(`property="og:video" content="http://tv.example/embed/private\\?token=${watchToken}"`),
    );
    assert.equal(seen.headers['cache-control'], 'private, no-cache');
    const nothing = await text('/watch/unknown', { host: 'tv.example' });
    for (const path of [`/watch/signed?token=${watchToken}`, `/watch/private?token=${watchToken.slice(0, -2)}AA`]) {
      assert.equal(await text(path, { host: 'tv.example' }), nothing, path);
    }
    server.clock.advance(3_600_000);
    assert.equal(await text(`/watch/private?token=${watchToken}`, { host: 'tv.example' }), nothing, 'after its time');
  });

  test('the page of a clip shows its file and its picture, also of a private stream', async () => {
    const { status, body, headers } = await ask('/c/open', { host: 'tv.example' });
    const html = String(body);
    const tag = (name: string) => new RegExp(`(?:property|name)="${name}" content="([^"]*)"`).exec(html)?.[1];
    assert.equal(status, 200);
    assert.match(headers.etag!, /^"/);
    assert.equal(tag('og:title'), '2 &#60; 3');
    assert.equal(tag('og:description'), 'private · 13 s recorded on 2026-11-19 from 07:00:00 to 07:00:12 UTC.');
    assert.equal(tag('og:url'), 'http://tv.example/c/open');
    assert.equal(tag('og:image'), 'http://tv.example/c/open/preview.jpg');
    assert.deepEqual([tag('og:video'), tag('og:video:type')], ['http://tv.example/c/open/clip.mp4', 'video/mp4']);
    assert.equal(tag('twitter:card'), 'summary_large_image');
  });

  test('the page of a clip that there is not is 404, and that of a hidden one the same; of a lost one it is 410', async () => {
    const [unknown, hidden, lost] = await Promise.all(
      ['/c/none', '/c/hidden', '/c/lost'].map((path) => ask(path, { host: 'tv' })),
    );
    assert.deepEqual([unknown!.status, hidden!.status, lost!.status], [404, 404, 410]);
    assert.equal(String(hidden!.body), String(unknown!.body));
    assert.match(String(lost!.body), /\/ui\/index\.js/);
    const playbackToken = server.deps.access.watch.sign('clip/hidden', server.clock.nowMs() + 3_600_000);
    const html = await text(`/c/hidden?token=${playbackToken}`, { host: 'tv' });
    assert.match(html, new RegExp(`property="og:video" content="http://tv/t/${playbackToken}/c/hidden/clip.mp4"`));
    assert.match(html, new RegExp(`property="og:url" content="http://tv/c/hidden\\?token=${playbackToken}"`));
  });

  test('the API reference is a page like any other, next to its OpenAPI document', async () => {
    const { status, headers } = await ask('/api/docs');
    assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8']);
    assert.match(String(headers['content-security-policy']), /default-src 'self'/);
    assert.equal(
      (await ask('/api/nothing', { accept: 'text/html' })).headers['content-type'],
      'application/problem+json',
    );
  });

  test('an invalid Host is never repeated', async () => {
    const html = await text('/watch/public', { host: 'evil"><script>' }).catch(() => '');
    assert.doesNotMatch(html, /evil/);
  });

  test('pages have an ETag: the same page is 304, another instant is another page', async () => {
    const first = await ask('/watch/public');
    assert.match(first.headers.etag!, /^"[\w-]{22}"$/);
    assert.equal(first.headers['cache-control'], 'no-cache');
    const again = await ask('/watch/public', { 'if-none-match': `W/${first.headers.etag}` });
    assert.deepEqual([again.status, again.body.length, again.headers.etag], [304, 0, first.headers.etag]);
    assert.equal(again.headers['content-security-policy'], first.headers['content-security-policy']);
    assert.equal((await ask('/watch/unlisted', { 'if-none-match': first.headers.etag! })).status, 200);
  });

  test('HEAD answers as GET does, without the page', async () => {
    const [get, head] = [await ask('/watch/public'), await ask('/watch/public', {}, 'HEAD')];
    assert.deepEqual([head.status, head.body.length], [200, 0]);
    for (const name of ['etag', 'content-type', 'content-length', 'content-security-policy']) {
      assert.equal(head.headers[name], get.headers[name], name);
    }
  });

  test('only the embeddable player may be framed by other sites; both pages have a strict policy', async () => {
    const [own, embed] = [await ask('/watch/public'), await ask('/embed/public')];
    assert.match(String(embed.body), /\/ui\/embed\.js/);
    const policies = [own, embed].map(({ headers }) => String(headers['content-security-policy']));
    assert.match(policies[0]!, /frame-ancestors 'self';/);
    assert.match(policies[1]!, /frame-ancestors \*;/);
    for (const policy of policies) {
      // data: is for the empty files of subtitle tracks; it allows no script and no style.
      assert.doesNotMatch(policy.replace("media-src 'self' blob: data: https:", ''), /unsafe|data:|https?:/);
      assert.match(policy, /require-trusted-types-for 'script'/);
    }
  });

  test('files that the system shares are left to the service worker; without one the upload page says so', async () => {
    const form = new FormData();
    form.append('media', new Blob(['a film']), 'film.mp4');
    const answer = await fetch(`${server.url}/upload/share`, { method: 'POST', body: form, redirect: 'manual' });
    assert.deepEqual([answer.status, answer.headers.get('location')], [303, '/upload?shared']);
  });

  test('own pages may use camera, microphone and screen; embedded players and files may not', async () => {
    for (const [path, allowed] of [
      ['/', '(self)'],
      ['/rooms/evening', '(self)'],
      ['/embed/public', '()'],
      ['/player.js', '()'],
    ] as const) {
      const policy = String((await ask(path)).headers['permissions-policy']).split(', ');
      for (const feature of ['camera', 'display-capture', 'microphone']) {
        assert.ok(policy.includes(`${feature}=${allowed}`), `${path}: ${policy}`);
      }
      assert.ok(policy.includes('geolocation=()'), path);
    }
  });

  test('a new build is served without a restart', async () => {
    const before = await text('/');
    await writeFile(join(root, 'index.html'), page('newer'));
    await utimes(join(root, 'index.html'), 1, 1);
    assert.match(await text('/'), /\/ui\/newer\.js/);
    await writeFile(join(root, 'index.html'), page('index'));
    assert.equal(await text('/'), before);
  });

  test('while a build replaces the files, the old pages are served', async () => {
    const before = await text('/watch/public');
    await rename(join(root, 'index.html'), join(root, 'away.html'));
    try {
      assert.equal(await text('/watch/public'), before);
    } finally {
      await rename(join(root, 'away.html'), join(root, 'index.html'));
    }
  });

  test('a browser at an unknown address gets the interface with 404; programs get a problem document', async () => {
    const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', host: 'tv' };
    for (const path of ['/nothing', '/nothing.html', '/..%2f..%2fetc%2fpasswd', '/nothing%00', '/clips/none']) {
      const { status, headers, body } = await ask(path, browser);
      assert.equal(status, 404, path);
      assert.match(headers['content-type']!, /text\/html/, path);
      assert.match(String(headers['content-security-policy']), /frame-ancestors 'self'/, path);
      assert.match(String(body), /\/ui\/index\.js/, path);
    }
    const asked: [string, Record<string, string>][] = [
      ['/nothing', {}],
      ['/nothing', { accept: '*/*' }],
      ['/api/v1/nothing', browser],
      ['/ui/old-12345678.js', browser],
    ];
    for (const [path, headers] of asked) {
      const answer = await ask(path, headers);
      assert.equal(answer.status, 404, path);
      assert.match(answer.headers['content-type']!, /problem\+json/, path);
    }
    assert.match((await ask('/player.js', browser)).headers['content-type']!, /javascript/);
    assert.match((await ask('/nothing', browser, 'POST')).headers['content-type']!, /problem\+json/);
  });

  test('files are sent as compressed by the build, with Vary', async () => {
    const path = '/ui/index-Ab12Cd34.js';
    for (const [accepted, coding] of [
      ['gzip, br', 'br'],
      ['gzip', 'gzip'],
      ['identity', undefined],
    ] as const) {
      const { headers, body } = await ask(path, { 'accept-encoding': accepted });
      assert.equal(headers['content-encoding'], coding);
      assert.match(headers['content-type']!, /javascript/);
      assert.match(String(headers.vary), /accept-encoding/i);
      assert.equal(body.length < script.length, coding !== undefined);
      assert.match(headers['cache-control']!, /immutable/);
    }
  });

  test('any page may load the player, whose address is permanent and revalidated', async () => {
    const { headers } = await ask('/player.js');
    assert.equal(headers['access-control-allow-origin'], '*');
    assert.equal(headers['cross-origin-resource-policy'], 'cross-origin');
    assert.equal(headers['cache-control'], 'no-cache');
  });

  test('any page may read the answers that the player needs, refusals too, and no others', async () => {
    const allowed = async (path: string) => (await ask(path)).headers['access-control-allow-origin'];
    for (const path of ['/api/v1/time', '/api/v1/streams/public', '/api/v1/streams/public/timeline']) {
      assert.equal(await allowed(path), '*', path);
    }
    assert.equal(await allowed('/api/v1/streams/unknown'), '*');
    for (const path of ['/api/v1/streams', '/api/v1/system', '/', '/watch/public', '/metrics']) {
      assert.equal(await allowed(path), undefined, path);
    }
  });
});

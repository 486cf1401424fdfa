import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamView } from '../../api/shapes.ts';
import { streamView } from '../fixture.ts';
import { insertPreview, previewOf, previewOfClip, previewOfSite, printPreview } from './preview.ts';

const nowMs = Date.UTC(2026, 10, 20, 12, 0, 3);
const base = 'https://tv.example';
const now = { atMs: null, span: null };

/** Live, with the last three hours recorded. */
function door(change: Partial<StreamView> = {}): StreamView {
  return {
    ...streamView('door'),
    recorded: { from: '2026-11-20T09:00:00.000Z', to: '2026-11-20T12:00:00.000Z', seconds: 10_800, bytes: 1 },
    ...change,
  };
}

test('a live stream shows its newest still and how much is recorded', () => {
  const { title, description, url, image, player } = previewOf(door(), now, base, nowMs);
  assert.equal(title, 'door · live');
  assert.equal(description, 'Live now. 3 h 0 min recorded.');
  assert.equal(url, 'https://tv.example/watch/door');
  assert.deepEqual(player, { url: 'https://tv.example/embed/door', type: 'text/html', width: 640, height: 360 });
  const still = Date.UTC(2026, 10, 20, 11, 59, 55) / 1000;
  assert.equal(image!.url, `https://tv.example/thumb/door/${still}.jpg`);
});

test('a stream with a title and a description is presented with them', () => {
  const { title, description } = previewOf(door({ title: 'Front door', description: 'The street.' }), now, base, nowMs);
  assert.equal(title, 'Front door · live');
  assert.equal(description, 'Live now. 3 h 0 min recorded. The street.');
});

test('an instant shows its own still and its time in UTC', () => {
  const atMs = Date.UTC(2026, 10, 20, 10, 30, 15);
  const { title, description, url, image } = previewOf(door(), { atMs, span: null }, base, nowMs);
  assert.equal(title, 'door · 2026-11-20 10:30:15 UTC');
  assert.equal(description, 'Recorded on 2026-11-20 at 10:30:15 UTC. Opens at that moment.');
  assert.equal(url, `https://tv.example/watch/door?t=${atMs / 1000}`);
  assert.equal(image!.url, `https://tv.example/thumb/door/${atMs / 1000}.jpg`);
  assert.equal(image!.alt, 'door on 2026-11-20 at 10:30:15 UTC');
});

test('a playback token is in the URLs of picture, page and player', () => {
  const atMs = Date.UTC(2026, 10, 20, 10, 30, 15);
  const { url, image, player } = previewOf(door(), { atMs, span: null }, base, nowMs, 'abc');
  assert.equal(image!.url, `https://tv.example/t/abc/thumb/door/${atMs / 1000}.jpg`);
  assert.equal(url, `https://tv.example/watch/door?t=${atMs / 1000}&token=abc`);
  assert.equal(player!.url, `https://tv.example/embed/door?t=${atMs / 1000}&token=abc`);
  assert.equal(previewOf(door(), now, base, nowMs, 'abc').url, 'https://tv.example/watch/door?token=abc');
});

test('a span shows its start, its end and its length; over midnight with both days', () => {
  const fromMs = Date.UTC(2026, 10, 20, 10, 0, 0);
  const short = previewOf(door(), { atMs: fromMs, span: { fromMs, toMs: fromMs + 75_000 } }, base, nowMs);
  assert.equal(short.title, 'door · 2026-11-20 10:00:00–10:01:15 UTC');
  assert.equal(short.description, '1 min 15 s recorded on 2026-11-20 from 10:00:00 to 10:01:15 UTC.');
  assert.equal(short.url, `https://tv.example/watch/door?from=${fromMs / 1000}&to=${fromMs / 1000 + 75}`);
  const long = previewOf(door(), { atMs: fromMs, span: { fromMs, toMs: fromMs + 86_400_000 } }, base, nowMs);
  assert.equal(long.title, 'door · 2026-11-20 10:00:00–2026-11-21 10:00:00 UTC');
});

test('an instant that is no longer recorded, or in the future, is shown as now', () => {
  for (const atMs of [Date.UTC(2026, 10, 1), nowMs + 60_000]) {
    const { title, url } = previewOf(door(), { atMs, span: null }, base, nowMs);
    assert.deepEqual([title, url], ['door · live', 'https://tv.example/watch/door']);
  }
});

test('a stream that is offline shows its last still; one that was never recorded shows none', () => {
  const offline = previewOf(door({ state: 'waiting' }), now, base, nowMs + 86_400_000);
  assert.equal(offline.title, 'door');
  assert.match(offline.description, /^Not live at the moment\./);
  assert.equal(offline.image!.url, `https://tv.example/thumb/door/${Date.UTC(2026, 10, 20, 11, 59, 50) / 1000}.jpg`);
  const none = { from: null, to: null, seconds: 0, bytes: 0 };
  const fresh = previewOf(door({ recorded: none }), now, base, nowMs);
  assert.deepEqual([fresh.image, fresh.description], [undefined, 'Live now.']);
});

test('a stream that is off shows its own picture; an instant of it and a live stream show a still', () => {
  const picture = '/api/v1/streams/door/picture?v=abc';
  const off = previewOf(door({ state: 'unpublished', picture }), now, base, nowMs);
  assert.deepEqual(off.image, { url: `https://tv.example${picture}`, alt: 'door' });
  const signed = previewOf(door({ state: 'unpublished', picture }), now, base, nowMs, 'right');
  assert.equal(signed.image!.url, `https://tv.example/t/right${picture}`);
  const moment = previewOf(door({ state: 'stopped', picture }), { atMs: nowMs - 60_000, span: null }, base, nowMs);
  assert.match(moment.image!.url, /\/thumb\//);
  assert.match(previewOf(door({ picture }), now, base, nowMs).image!.url, /\/thumb\//);
});

test('the still has the aspect ratio of the video', () => {
  const [track] = streamView('door').tracks;
  const square = previewOf(door({ tracks: [{ ...track!, width: 720, height: 576 }] }), now, base, nowMs);
  assert.deepEqual([square.image!.width, square.image!.height], [640, 512]);
  assert.equal(previewOf(door({ tracks: [] }), now, base, nowMs).image!.height, 360);
});

test('without a known address the preview has no URLs', () => {
  const printed = printPreview(previewOf(door(), now, undefined, nowMs));
  assert.match(printed, /og:title/);
  assert.doesNotMatch(printed, /og:url|og:image|og:video|http/);
});

test('the tags replace the page’s title and description, and nothing else changes', () => {
  const html = '<head>\n    <meta name="description" content="x" />\n    <title>oxbow</title>\n  </head><body>';
  const page = insertPreview(html, previewOfSite(base));
  assert.equal(page.match(/<title>/g)!.length, 1);
  assert.equal(page.match(/name="description"/g)!.length, 1);
  assert.match(page, /<meta property="og:image" content="https:\/\/tv\.example\/icon-512\.png" \/>/);
  assert.match(page, /<meta name="twitter:card" content="summary" \/>/);
  assert.ok(page.endsWith('</head><body>'));
});

test('no text in a preview can leave its tag', () => {
  const evil = `"><script>alert('$&')</script>&amp;`;
  const page = insertPreview('<title>oxbow</title>', { title: evil, description: evil, url: evil });
  assert.doesNotMatch(page, /<script|alert\('/);
  assert.equal(page.match(/<title>/g)!.length, 1);
  assert.ok(page.includes('content="&#34;&#62;&#60;script&#62;alert(&#39;$&#38;&#39;)&#60;/script&#62;&#38;amp;"'));
});

test('a clip of a stream without pictures names its file, and no picture that does not exist', () => {
  const clip = { title: 'Jingle', stream: 'door', fromMs: nowMs - 60_000, toMs: nowMs - 30_000 };
  const [video] = streamView('door').tracks;
  const { image, player } = previewOfClip('c1', clip, door({ tracks: [{ ...video!, kind: 'audio' }] }), base);
  assert.deepEqual([image, player?.url], [undefined, 'https://tv.example/c/c1/clip.mp4']);
  assert.equal(previewOfClip('c1', clip, door(), base).image!.url, 'https://tv.example/c/c1/preview.jpg');
});

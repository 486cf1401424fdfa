import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { type Origin, openOrigin } from '../../../test/fixtures/origin.ts';
import { pagePatterns } from '../../config/page-pattern.ts';
import { createNet } from '../../net/net.ts';
import { detectSource, handlerOfBytes, normaliseUrl } from './detect-source.ts';

const signal = new AbortController().signal;

test('a pasted address is normalized', () => {
  assert.equal(normaliseUrl('  HTTPS://Cam.Example:443/a b?x=1#t=3 \n').href, 'https://cam.example/a%20b?x=1');
  for (const [text, sentence] of [
    ['cam.example/live.m3u8', /not an address/],
    ['rtmp://cam.example/live', /oxbow does not fetch RTMP/],
    ['file:///etc/passwd', /a file on this computer is not a stream/],
    ['ftp://cam.example/x', /oxbow does not support ftp: addresses/],
    ['javascript:alert(1)', /not an address/],
    ['https://', /not an address/],
    ['https://cam.example/\u0000', /control character/],
    [`https://cam.example/${'a'.repeat(4096)}`, /longer than 4096/],
    ['', /not an address/],
  ] as const) {
    assert.throws(() => normaliseUrl(text), { name: 'OxbowError', code: 'bad-source', message: sentence });
  }
});

suite('the kind of a URL', () => {
  const opened = new AsyncDisposableStack();
  let origin: Origin;
  before(async () => {
    origin = opened.use(await openOrigin());
  });
  after(() => opened.disposeAsync());

  const detect = async (target: string, given: { patterns?: string; allow?: string[]; trusted?: boolean } = {}) => {
    await using net = createNet({ allow: given.allow ?? [] });
    const patterns = pagePatterns('').parse(given.patterns ?? '');
    const found = await detectSource(target, { net, patterns, trusted: given.trusted ?? true }, { signal });
    return found.handler;
  };

  test('is detected by built-in patterns, without a request', async () => {
    for (const [target, handler] of [
      ['https://cam.example/live/index.m3u8', 'hls'],
      ['https://cam.example/LIST.M3U8?token=a/b.mp4', 'hls'],
      ['https://cam.example/list.m3u', 'hls'],
      ['https://cam.example/film.mp4?x=.m3u8', 'mp4'],
      ['https://www.youtube.com/watch?v=abc', 'page'],
      ['https://youtu.be/abc', 'page'],
      ['https://m.twitch.tv/channel', 'page'],
      ['https://www.youtube.com/api/manifest/hls_variant/x/file/index.m3u8', 'hls'],
    ] as const) {
      assert.equal(await detect(target), handler, target);
    }
    await assert.rejects(detect('https://notyoutube.com.invalid/watch'), { code: 'source-failed' });
  });

  test('is detected by patterns of the settings first', async () => {
    assert.equal(await detect('https://cam.example/a.m3u8', { patterns: 'page ^https://cam\\.' }), 'page');
    const later = '[{"match":"cam","handler":"page","priority":-1}]';
    assert.equal(await detect('https://cam.example/a.m3u8', { patterns: later }), 'hls');
  });

  test('is detected by its first bytes if no pattern matches, regardless of the media type', async () => {
    origin.put('/live', '\ufeff#EXTM3U\n#EXT-X-VERSION:3\n');
    origin.put('/film', Buffer.from('000000186674797069736f6d', 'hex'));
    origin.put('/page', '\n<!doctype html><title>x</title>');
    origin.put('/noise', Buffer.alloc(2000, 7));
    origin.put('/mpd', '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">');
    assert.equal(await detect(`${origin.url}/live`), 'hls');
    assert.equal(await detect(`${origin.url}/film`), 'mp4');
    assert.equal(await detect(`${origin.url}/page`), 'page');
    for (const path of ['/noise', '/mpd']) {
      await assert.rejects(detect(`${origin.url}${path}`), { code: 'unsupported-media' }, path);
    }
    await assert.rejects(detect(`${origin.url}/none`), { code: 'source-failed', message: /HTTP 404/ });
  });

  test('is not requested from a private address that no administrator entered', async () => {
    const before = origin.requests.length;
    await assert.rejects(detect(`${origin.url}/live`, { trusted: false }), { code: 'address-refused' });
    assert.equal(origin.requests.length, before);
    assert.equal(await detect(`${origin.url}/live`, { trusted: false, allow: ['127.0.0.0/8'] }), 'hls');
  });

  test('a page is passed to yt-dlp only if its address is allowed and contains no password', async () => {
    const patterns = 'page 127\\.0\\.0\\.1';
    await assert.rejects(detect(`${origin.url}/page`, { patterns, trusted: false }), { code: 'address-refused' });
    assert.equal(await detect(`${origin.url}/page`, { patterns, trusted: false, allow: ['127.0.0.1'] }), 'page');
    assert.equal(await detect(`${origin.url}/page`, { patterns }), 'page');
    const withUser = origin.url.replace('://', '://youtube.com:x@');
    await assert.rejects(detect(`${withUser}/page`), { code: 'bad-source', message: /user name or password/ });
    await assert.rejects(detect(`${withUser}/watch`, { trusted: false }), { code: 'address-refused' });
  });

  test('a page that blocks programs is a page', async () => {
    origin.fault('/guarded', { kind: 'status', status: 403, headers: { 'content-type': 'text/html; charset=utf-8' } });
    assert.equal(await detect(`${origin.url}/guarded`), 'page');
  });
});

test('random bytes have a handler or none, without errors', () => {
  const random = seeded(7);
  for (let i = 0; i < 2000; i++) {
    const bytes = Uint8Array.from({ length: random(64) }, () => random(256));
    assert.ok([undefined, 'hls', 'mp4', 'page'].includes(handlerOfBytes(bytes, '')));
  }
  assert.equal(handlerOfBytes(new Uint8Array(), 'application/vnd.apple.mpegurl'), 'hls');
  assert.equal(handlerOfBytes(new Uint8Array(), 'video/mp4'), 'mp4');
  assert.equal(handlerOfBytes(new Uint8Array(), 'text/html'), 'page');
  assert.equal(handlerOfBytes(new Uint8Array(), ''), undefined);
});

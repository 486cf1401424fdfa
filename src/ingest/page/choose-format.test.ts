import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { livePage } from '../../../test/fixtures/yt-dlp.ts';
import { OxbowError } from '../../lib/errors.ts';
import { parseQuality } from '../../lib/quality.ts';
import { chooseFormat } from './choose-format.ts';
import { cookieHeader } from './cookies.ts';
import { type PageMetadata, parsePageMetadata } from './page-metadata.ts';
import { explainFailure } from './yt-dlp-failure.ts';

const at = (path: string) => `https://cdn.example/${path}`;
/** A file with video and audio, as yt-dlp describes it. */
const file = (id: string, height: number, more: object = {}) => ({
  format_id: id,
  url: at(`${id}.mp4`),
  protocol: 'https',
  ext: 'mp4',
  vcodec: 'avc1.640028',
  acodec: 'mp4a.40.2',
  height,
  width: height * 2,
  tbr: height * 3,
  ...more,
});
const read = (formats: object[], more: object = {}): PageMetadata =>
  parsePageMetadata({ title: 'x', formats, ...more });
const choose = (answer: PageMetadata, quality = 'best', filtered = false) =>
  chooseFormat(answer, parseQuality(quality), filtered);

suite('the formats of a page', () => {
  test('a Multivariant Playlist is preferred, and its pull chooses the quality', () => {
    const page = livePage('x', at('master.m3u8')) as { formats: object[] };
    const choice = choose(read([file('best', 2160), ...page.formats]), '360p');
    assert.deepEqual([choice.kind, choice.url.href, choice.chosen], ['hls', at('master.m3u8'), undefined]);
  });

  test('a playlist with video and audio formats is supported; one with video alone is not', () => {
    const track = (id: string, vcodec: string, acodec: string) => ({
      format_id: id,
      url: at(id),
      protocol: 'm3u8_native',
      ext: 'mp4',
      vcodec,
      acodec,
      height: vcodec === 'none' ? null : 720,
    });
    const together = [track('v', 'avc1', 'none'), track('a', 'none', 'mp4a')];
    const both = together.map((one) => ({ ...one, manifest_url: at('all.m3u8') }));
    assert.equal(choose(read(both)).url.href, at('all.m3u8'));
    const apart = together.map((one, i) => ({ ...one, manifest_url: at(`${i}.m3u8`) }));
    assert.throws(() => choose(read(apart)), {
      code: 'unsupported-media',
      message: /video and audio only as separate downloads/,
    });
    assert.throws(() => choose(read(together)), {
      code: 'unsupported-media',
      message: /video and audio only as separate downloads/,
    });
  });

  test('of files the requested quality is chosen, or the next below it', () => {
    const answer = read([file('a', 360), file('b', 720), file('c', 1080), file('d', 1080, { fps: 60, tbr: 9000 })]);
    for (const [wish, id] of [
      ['best', 'd'],
      ['worst', 'a'],
      ['720p', 'b'],
      ['900p', 'b'],
      ['1080p30', 'c'],
      ['144p', 'a'],
      ['2.5M', 'b'],
      ['100k', 'a'],
    ] as const) {
      const choice = choose(answer, wish);
      assert.deepEqual([choice.kind, choice.format.id], ['mp4', id], wish);
    }
    const { qualities, chosen } = choose(answer);
    assert.deepEqual(
      qualities.map(({ name }) => name),
      ['1080p60', '1080p', '720p', '360p'],
    );
    assert.equal(chosen, '1080p60');
  });

  test('the expression of the settings limits the choice', () => {
    const more = { requested_formats: null, format_id: 'a' };
    assert.equal(choose(read([file('a', 360), file('b', 720)], more), 'best', true).format.id, 'a');
    const parts = { requested_formats: [{ format_id: 'v' }, { format_id: 'a' }], format_id: 'v+a' };
    const apart = [file('v', 720, { acodec: 'none' }), file('a', 0, { vcodec: 'none', height: null })];
    assert.throws(() => choose(read([...apart, file('whole', 360)], parts), 'best', true), {
      code: 'unsupported-media',
    });
  });

  test('unsupported pages are refused with the reason', () => {
    const dash = { format_id: 'x', url: at('x.mpd'), protocol: 'http_dash_segments', ext: 'mp4' };
    for (const [formats, more, code, sentence] of [
      [[], {}, 'page-failed', /The page has no video/],
      [[file('a', 720, { has_drm: true })], {}, 'unsupported-media', /DRM/],
      [[dash], {}, 'unsupported-media', /unsupported formats such as DASH/],
      [[file('a', 720, { ext: 'webm' })], {}, 'unsupported-media', /HLS and MP4/],
      [
        [{ url: 'https://i.example/sb.jpg', protocol: 'mhtml', ext: 'mhtml' }],
        { live_status: 'is_upcoming', release_timestamp: 1_795_160_400 },
        'page-failed',
        /announced for 2026-11-20 07:40 UTC/,
      ],
    ] as const) {
      const empty = formats.length === 0 ? { url: undefined } : {};
      assert.throws(() => choose(read([...formats], { ...more, ...empty })), { code, message: sentence });
    }
  });
});

test('the output of yt-dlp is bounded and validated', () => {
  const headers = { Referer: 'https://x.example/', Host: 'evil', 'X-A': 'a\r\nb', 'b c': 'x', Range: 'bytes=0-' };
  const strange = [null, 7, [], {}, { url: 'file:///etc/passwd', protocol: 'https' }, { url: 5, protocol: 'https' }];
  const answer = parsePageMetadata({
    _type: 'playlist',
    entries: [
      null,
      {
        title: `a\u0000b\n${'x'.repeat(1000)}`,
        thumbnail: 'javascript:alert(1)',
        duration: -1,
        formats: [...strange, { ...file('a', 720), http_headers: headers, fps: 'fast', tbr: -5 }],
      },
    ],
  });
  assert.match(answer.title, /^a b x{296}$/);
  assert.deepEqual([answer.thumbnail, answer.durationS, answer.formats.length], [undefined, undefined, 1]);
  const [only] = answer.formats;
  assert.deepEqual(only!.headers, { referer: 'https://x.example/' });
  assert.deepEqual([only!.frameRate, only!.bandwidth], [undefined, undefined]);
  assert.equal(read(Array.from({ length: 2000 }, (_, i) => file(String(i), 720))).formats.length, 500);
});

test('2,000 random outputs are parsed or refused without other errors', () => {
  const random = seeded(11);
  const keys = [
    'title',
    'formats',
    'url',
    'manifest_url',
    'protocol',
    'ext',
    'height',
    'tbr',
    'vcodec',
    'acodec',
    'entries',
  ];
  const more = [
    '_type',
    'http_headers',
    'cookies',
    'has_drm',
    'requested_formats',
    'format_id',
    'live_status',
    'duration',
  ];
  const names = [...keys, ...more];
  const values = [
    'm3u8_native',
    'https',
    'none',
    at('x.m3u8'),
    'mp4',
    'playlist',
    '',
    720,
    -1,
    1e300,
    null,
    true,
    'a\u0000',
  ];
  const make = (depth: number): unknown => {
    if (depth === 0 || random(3) === 0) return values[random(values.length)];
    if (random(3) === 0) return Array.from({ length: random(5) }, () => make(depth - 1));
    return Object.fromEntries(Array.from({ length: random(9) }, () => [names[random(names.length)], make(depth - 1)]));
  };
  for (let i = 0; i < 2000; i++) {
    try {
      const choice = choose(parsePageMetadata(make(4)));
      assert.match(choice.url.protocol, /^https?:$/);
    } catch (error) {
      assert.ok(error instanceof OxbowError, String(error));
    }
  }
});

test('cookies are sent only to their site', () => {
  const printed =
    'a=1; Domain=.site.example; Path=/; Secure; b="x; y"; Domain=cdn.site.example; Path=/live; c=3; d=4; Domain=.other.example; Path=/';
  const of = (url: string) => cookieHeader(printed, new URL(url));
  assert.equal(of('https://cdn.site.example/live/x.m3u8'), 'a=1; b="x; y"');
  assert.equal(of('http://cdn.site.example/live'), 'b="x; y"');
  assert.equal(of('https://www.site.example/'), 'a=1');
  assert.equal(of('https://evilsite.example/'), '');
  assert.equal(cookieHeader('a=1\r\nX: y; Domain=.x.example', new URL('https://x.example/')), '');
  assert.equal(cookieHeader('', new URL('https://x.example/')), '');
});

test('errors of yt-dlp are explained', () => {
  for (const [stderr, sentence, retryable] of [
    ['ERROR: [youtube] abc: Private video. Sign in if you have been granted access', /the video is private/, false],
    ['ERROR: [youtube] abc: Sign in to confirm your age.', /requires signing in/, false],
    ['ERROR: [youtube] abc: Join this channel to get access to members-only content', /paying members/, false],
    [
      'ERROR: [x] y: The uploader has not made this video available in your country',
      /in your country|this country/,
      false,
    ],
    ['ERROR: [youtube] abc: This live event will begin in 3 hours.', /not live yet/, true],
    ['ERROR: [twitch:stream] abc: The channel is not currently live', /not live yet/, true],
    ['ERROR: Unsupported URL: https://x.example/', /found no video/, false],
    [
      'ERROR: [generic] Unable to download webpage: <urlopen error [Errno -2] Name or service not known>',
      /unreachable/,
      true,
    ],
    ['ERROR: [generic] x: Unable to download webpage: HTTP Error 429: Too Many Requests', /too many requests/, true],
    ['ERROR: [x] y: This video is DRM protected', /DRM/, false],
    [
      'ERROR: [x] y: Unable to extract title; please report this issue on  https://github.com/x',
      /cannot extract the page/,
      false,
    ],
    ['yt-dlp: error: no such option: --dump-single-json', /does not support an option/, false],
    ['Traceback (most recent call last):\n  boom\nKeyError: 7', /yt-dlp: KeyError: 7/, false],
    ['', /failed without a message/, false],
  ] as const) {
    const error = explainFailure(stderr, 'site.example');
    assert.match(error.message, sentence, stderr);
    assert.match(error.message, /^site\.example: /);
    assert.ok(error.message.length <= 300);
    assert.equal(error.extra.retryable, retryable, stderr);
  }
  assert.equal(explainFailure(`ERROR: ${'a'.repeat(9000)}`, 'x').message.length <= 300, true);
});

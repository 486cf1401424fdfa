import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OxbowError } from '../../../lib/errors.ts';
import { openRig } from './media-proxy.fixture.ts';

const code = (expected: string) => (error: OxbowError) => error.code === expected;
const from = (address: string, of: string) =>
  new URL(address, `http://oxbow/media/${of}`).pathname.slice('/media/'.length);

/** A server with a film and letters beside it. */
const openShare = (
  entry: string,
  documents: Readonly<Record<string, string>>,
  types: Readonly<Record<string, string>> = {},
) =>
  openRig(
    ({ url }, response) => {
      response.setHeader('content-type', types[url!] ?? 'application/octet-stream');
      response.end(documents[url!] ?? `secret ${url}`);
    },
    (origin) => ({ url: `${origin}${entry}`, headers: { Authorization: 'Basic b3duZXI=' } }),
  );

/** What a member may put in place of the end of an address. */
const OTHERS = [
  ...['private-letter.txt', 'taxes/2025.pdf', '', './', '../other/x', '..%2fother/x', '..%5cother', '%2e%2e/other/x'],
  ...[
    '%2E%2E%2Fother',
    'seg/2.ts',
    'seg/',
    'seg%2f1.ts',
    '1.m4s/../private-letter.txt',
    '//evil.example/x',
    '\\x',
    '1/2',
  ],
];

/** Tries them on each folder of an address, and asserts that the server gets no request. */
async function assertNothingElse(rig: Awaited<ReturnType<typeof openShare>>, address: string): Promise<void> {
  const before = rig.requests.length;
  const parts = address.split('/');
  for (let kept = 1; kept < parts.length; kept++) {
    for (const other of OTHERS) {
      const changed = [...parts.slice(0, kept), other].join('/');
      const [token, ...rest] = changed.split('/');
      const request = {
        token: token!,
        rest: rest.join('/'),
        query: '',
        range: undefined,
        user: 'u1',
        signal: AbortSignal.any([]),
      };
      if (changed !== address) await assert.rejects(rig.proxy.fetch('r1', request), code('proxy-refused'), changed);
    }
  }
  assert.equal(rig.requests.length, before);
}

suite('members of a room reach nothing beside what an entry names', () => {
  test('of a playlist, its nested playlists and their segments', async () => {
    await using rig = await openShare('/films/index.m3u8', {
      '/films/index.m3u8':
        '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/low.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\n/hd/v.m3u8\n',
      '/films/v/low.m3u8': '#EXTM3U\n#EXTINF:4,\nseg/1.ts\n#EXTINF:4,\n../all.ts\n',
      '/films/v/seg/1.ts': 'media',
      '/films/all.ts': 'all',
    });
    await assertNothingElse(rig, rig.address);
    const [, , low, , hd] = (await rig.fetch(rig.address)).text.split('\n') as [string, string, string, string, string];
    await assertNothingElse(rig, from(low, rig.address));
    await assertNothingElse(rig, from(hd, rig.address));
    const nested = from(low, rig.address);
    const [, , first, , second] = (await rig.fetch(nested)).text.split('\n') as [
      string,
      string,
      string,
      string,
      string,
    ];
    await assertNothingElse(rig, from(first, nested));
    assert.equal((await rig.fetch(from(first, nested))).text, 'media');
    assert.equal((await rig.fetch(from(second, nested))).text, 'all');
  });

  test('a mark is for one path of one address', async () => {
    await using rig = await openShare('/a.m3u8', {
      '/a.m3u8': '#EXTM3U\n#EXTINF:4,\n1.ts\n#EXTINF:4,\n2.ts\n#EXTINF:4,\n/b/3.ts?k=1\n',
    });
    const [, , first, , second, , third] = (await rig.fetch(rig.address)).text.split('\n') as string[];
    const [token, mark] = from(first!, rig.address).split('/') as [string, string];
    const [sealed] = from(third!, rig.address).split('/') as [string];
    for (const address of [
      `${token}/${mark}/2.ts`,
      `${sealed}/${mark}/1.ts`,
      `${token}/${mark}`,
      `${token}/${mark.slice(1)}/1.ts`,
    ])
      await assert.rejects(rig.fetch(address), code('proxy-refused'), address);
    await rig.fetch(from(second!, rig.address));
  });

  test('of the templates of a manifest; what they name is fetched only if it is media', async () => {
    const mpd = `<MPD type="static"><Period><AdaptationSet><SegmentTemplate media="$RepresentationID$/$Number%03d$.m4s" initialization="$RepresentationID$/i.mp4"/>
<Representation id="a"/><Representation id="b"/></AdaptationSet></Period></MPD>`;
    await using rig = await openShare(
      '/d/a.mpd',
      { '/d/a.mpd': mpd },
      {
        '/d/b/007.m4s': 'video/mp4',
        '/d/a/001.m4s': 'text/html',
        '/d/a/002.m4s': 'application/pdf',
        '/d/a/003.m4s': 'application/dash+xml',
      },
    );
    await assertNothingElse(rig, rig.address);
    const { text } = await rig.fetch(rig.address);
    const media = /media="(.*?)"/.exec(text)![1]!;
    const segment = (id: string, number: number) =>
      from(media.replace('$RepresentationID$', id).replace('$Number$', String(number)), rig.address);
    assert.equal((await rig.fetch(segment('b', 7))).text, 'secret /d/b/007.m4s');
    await assertNothingElse(rig, segment('b', 7));
    for (const number of [1, 2, 3]) await assert.rejects(rig.fetch(segment('a', number)), code('source-failed'));
    const init = /initialization="(.*?)"/.exec(text)![1]!.replace('$RepresentationID$', 'b');
    await rig.fetch(from(init, rig.address));
    assert.equal(rig.requests.at(-1)!.url, '/d/b/i.mp4');
  });

  test('reloads of a low-latency playlist keep their directives, and no other parameter', async () => {
    await using rig = await openShare('/a.m3u8', {
      '/a.m3u8': '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/low.m3u8\n',
      '/v/low.m3u8?_HLS_msn=7&_HLS_part=1': '#EXTM3U\n',
    });
    const low = from((await rig.fetch(rig.address)).text.split('\n')[2]!, rig.address);
    const [token, ...rest] = low.split('/') as [string, ...string[]];
    await rig.proxy.fetch('r1', {
      token,
      rest: rest.join('/'),
      range: undefined,
      user: 'u1',
      signal: new AbortController().signal,
      query: '?_HLS_msn=7&_HLS_part=1&admin=1',
    });
    assert.equal(rig.requests.at(-1)!.url, '/v/low.m3u8?_HLS_msn=7&_HLS_part=1');
  });

  test('no list that they read has a password or a key of an address in it', async () => {
    await using rig = await openShare('/a.m3u8?master=s3cret0', {
      '/a.m3u8?master=s3cret0': [
        ...['#EXTM3U', '#EXT-X-DEFINE:NAME="k",VALUE="s3cret1"', '#EXT-X-DEFINE:QUERYPARAM="master"'],
        ...['#EXT-X-STREAM-INF:BANDWIDTH=1', 'low.m3u8?k={$k}', '#EXT-X-STREAM-INF:BANDWIDTH=2'],
        ...['https://user:s3cret2@cdn.example/x.m3u8', ''],
      ].join('\n'),
      '/low.m3u8?k=s3cret1': '#EXTM3U\n#EXT-X-DEFINE:IMPORT="k"\n#EXTINF:4,\n1.ts?key={$k}\n',
    });
    const top = (await rig.fetch(rig.address)).text;
    const nested = from(top.split('\n')[2]!, rig.address);
    const { text } = await rig.fetch(nested);
    assert.doesNotMatch(rig.address + top + text, /s3cret|user/);
    await rig.fetch(from(text.split('\n')[2]!, nested));
    assert.equal(rig.requests.at(-1)!.url, '/1.ts?key=s3cret1');
  });
});

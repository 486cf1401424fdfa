import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { OxbowError } from '../lib/errors.ts';
import { START_US } from '../recording/recording.fixture.ts';
import { type Delivery, makeGroup, openDelivery, openLive } from './delivery.fixture.ts';

const startMs = START_US / 1000;
const iso = new Date(startMs).toISOString();

async function openPast(): Promise<Delivery> {
  const past = await openDelivery();
  await past.record(...[100, 101, 102].map((msn) => makeGroup({ msn }, past.init)));
  past.state.settledUs = START_US + 1e9;
  return past;
}

/** The same instant, written in every way. */
const forms = [
  String(startMs / 1000),
  String(startMs),
  iso,
  iso.replace('.000Z', 'Z'),
  iso.toLowerCase(),
  encodeURIComponent(iso),
  encodeURIComponent(new Date(startMs + 3600_000).toISOString().replace('Z', '+01:00')),
  iso.replace(/\.\d+Z/, '').replaceAll(/[-:T]/g, ''),
];

suite('a time in an address', () => {
  test('gives the same bytes in each of its forms, as start and as end', async () => {
    await using past = await openPast();
    const lists = new Set<string>();
    const tags = new Set<string | undefined>();
    for (const form of forms) {
      lists.add(await past.text(`/vod/door/${form}/4s/av0.m3u8`));
      tags.add((await past.get(`/clip/door/${form}/4s.mp4`)).etag);
      await past.get(`/thumb/door/${form}.jpg`);
      lists.add(
        await past.text(`/vod/door/${startMs / 1000 - 5}/${form}/av0.m3u8`).catch((error: OxbowError) => error.code),
      );
    }
    // The list of 4 s, and nothing before the start.
    assert.equal(lists.size, 2);
    assert.ok(lists.has('no-media'));
    assert.equal(tags.size, 1);
    assert.equal(past.stills.length, 1);
  });

  test('may be followed by a duration, also in plain seconds', async () => {
    await using past = await openPast();
    const lists = await Promise.all(
      ['4', '4s', '4000ms', '0m4s', '4.0s'].map((duration) => past.text(`/vod/door/${startMs}/${duration}/av0.m3u8`)),
    );
    assert.equal(new Set(lists).size, 1);
    assert.ok((await past.text(`/vod/door/${startMs}/1h30m/av0.m3u8`)).includes('102.m4s'));
  });
});

suite('an address that is not right', () => {
  const cases: readonly [code: string, path: string][] = [
    ['stream-unknown', '/live/gate/index.m3u8'],
    ['stream-unknown', '/clip/gate/1795000000/4s.mp4'],
    ['stream-unknown', '/thumb/gate/1795000000.jpg'],
    ['stream-unknown', '/live/gate/x.m3u8'],
    ['stream-unknown', '/thumb/gate'],
    ['stream-unknown', '/vod/gate/index.m3u8'],
    ['stream-unknown', '/clip/gate/x/y.mp4'],
    ['stream-unknown', '/timelapse/gate/x/y.mp4'],
    ['stream-unknown', '/live/gate'],
    ['not-found', '/live/door'],
    ['not-found', '/live/door/manifest.mpd'],
    ['not-found', '/live/DOOR/index.m3u8'],
    ['not-found', '/live/door/av0/100.m4s/x'],
    ['not-found', '/live/door/../door/index.m3u8'],
    ['not-found', '/live/door/av0/-1.m4s'],
    ['not-found', '/vod/door/1795000000/index.m3u8'],
    ['not-found', `/vod/door/${'1'.repeat(65)}/4s/index.m3u8`],
    ['not-found', '/thumb/door/1795000000.png'],
    ['bad-time', '/vod/door/yesterday/4s/index.m3u8'],
    ['bad-time', '/vod/door/2026-11-18/4s/index.m3u8'],
    ['bad-time', '/vod/door/2026-11-18T10:00:00/4s/index.m3u8'],
    ['bad-time', '/vod/door/20261318000000/4s/index.m3u8'],
    ['bad-time', '/vod/door/1795000000/4x/index.m3u8'],
    ['bad-time', '/vod/door/1795000000/4s5h/index.m3u8'],
    ['bad-time', '/vod/door/%E0%A4%A/4s/index.m3u8'],
    ['bad-time', '/thumb/door/now.jpg'],
    ['bad-time', '/clip/door/1795000000/..mp4'],
  ];
  test('is refused with the code that says why', async () => {
    await using past = await openPast();
    for (const [code, path] of cases) {
      await assert.rejects(past.get(path), (error) => error instanceof OxbowError && error.code === code, path);
    }
  });
});

test('a request looks its stream up once, with rules for the past too', async () => {
  await using live = await openLive();
  await live.record(...[100, 101, 102].map((msn) => makeGroup({ msn }, live.init)));
  live.state.settledUs = START_US + 1e9;
  const paths = [
    ...['/live/door/index.m3u8', '/live/door/av0/101.m4s', '/live/door/av0/init-1.mp4', '/live/door/dvr-4h.m3u8'],
    ...['/live/door/ts/index.m3u8', `/vod/door/${startMs}/4s/av0.m3u8`, `/thumb/door/${startMs}.jpg`, '/live/other/x'],
  ];
  for (const past of [undefined, { rewindMs: 366 * 86_400_000 }]) {
    live.state.past = past;
    for (const path of paths) {
      live.found.length = 0;
      await live.get(path).catch((error: unknown) => assert.ok(error instanceof OxbowError));
      assert.equal(live.found.length, 1, `${path} ${JSON.stringify(past)}`);
    }
  }
});

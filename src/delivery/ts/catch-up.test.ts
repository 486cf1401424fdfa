import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist, MultivariantPlaylist } from '@oxbow/media/m3u8/playlist';
import { OxbowError } from '../../lib/errors.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { type Delivery, makeGroup, openDelivery, type SegmentPlan } from '../delivery.fixture.ts';
import { answerCatchUp, answerDelayed, type CatchUp, catchUpIn } from './catch-up.ts';

const startS = START_US / 1e6;
/** Of a stretch of 600 segments of two seconds. */
const SEGMENTS = 600;

const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;
const queryOf = (text: string) => catchUpIn(new URLSearchParams(text));

async function openPast(): Promise<Delivery> {
  const past = await openDelivery();
  const plans: SegmentPlan[] = Array.from({ length: SEGMENTS }, (_, i) => ({ msn: 100 + i }));
  await past.record(...plans.map((plan) => makeGroup(plan, past.init)));
  past.state.settledUs = START_US + SEGMENTS * 2_000_000;
  return past;
}

async function listAt(past: Delivery, path: string): Promise<MediaPlaylist> {
  return parsePlaylist(await past.text(path)).playlist as MediaPlaylist;
}

suite('the query of a catch-up', () => {
  const fromUs = 1_795_000_000 * 1e6;
  for (const [form, query, seconds] of [
    ['a start alone', 'utc=1795000000', undefined],
    ['append, as the playlist offers it', 'utc=1795000000&lutc=1795003600&duration=1800', 1800],
    ['an end', 'utc=1795000000&utcend=1795001800', 1800],
    ['the other names', 'start=1795000000&end=1795001800', 1800],
    ['a calendar time in UTC', 'start=20261118110640&end=20261118113640', 1800],
    ['an end that the player did not replace', 'utc=1795000000&duration={duration}&utcend=$%7Bend%7D', undefined],
    ['a clock of the player that is wrong', 'utc=1795000000&lutc=0&duration=1800', 1800],
  ] as const) {
    test(`${form}: ?${query}`, () => {
      assert.deepEqual(queryOf(query), { fromUs, toUs: seconds === undefined ? undefined : fromUs + seconds * 1e6 });
    });
  }

  test('shift, of Smart IPTV, Kodi and TiviMate, is until now: ?utc=1795000000&lutc=1795003600', () => {
    assert.deepEqual(queryOf('utc=1795000000&lutc=1795003600'), { fromUs, toUs: 'now' });
  });

  test('a query without a start is one of the live stream', () => {
    for (const query of ['', 'lutc=1795000000', 'duration=60', 'CMCD=sid%3D%22utc%22']) {
      assert.equal(queryOf(query), undefined);
    }
  });

  test('a start that the player did not replace, and no duration, are refused', () => {
    for (const query of ['utc={utc}', 'utc=', 'start=yesterday']) {
      assert.throws(() => queryOf(query), refusal('bad-time'), query);
    }
    for (const duration of ['an-hour', '-5', '1795000000']) {
      assert.throws(() => queryOf(`utc=1795000000&duration=${duration}`), refusal('bad-duration'), duration);
    }
  });
});

suite('catch-up', () => {
  test('a programme of the past is complete, begins at its start, and names segments by their permanent address', async () => {
    await using past = await openPast();
    const list = await listAt(past, `/live/door/ts/index.m3u8?utc=${startS + 5}&lutc=${startS + 900}&duration=10`);
    assert.ok(list.endList);
    assert.deepEqual(list.start, { timeOffsetS: 1, precise: true });
    assert.deepEqual(
      list.segments.map(({ uri }) => uri),
      ['102.ts', '103.ts', '104.ts', '105.ts', '106.ts', '107.ts'],
    );
  });

  test('all forms of one catch-up have the same segments', async () => {
    await using past = await openPast();
    const first = await past.text(`/live/door/ts/index.m3u8?utc=${startS + 4}&duration=60`);
    for (const path of [
      `index.m3u8?start=${startS + 4}&end=${startS + 64}`,
      `index-${startS + 4}-60.m3u8`,
      `../../../vod/door/${startS + 4}/60/ts.m3u8`,
    ]) {
      const own = await past.text(new URL(path, 'http://x/live/door/ts/').href.slice('http://x'.length));
      assert.deepEqual(segmentsOf(own), segmentsOf(first), path);
    }
    assert.equal(segmentsOf(first).length, 30);
  });

  test('a programme that is on grows; players that request it until now get a complete list', async () => {
    await using past = await openPast();
    const nowUs = START_US + SEGMENTS * 2_000_000;
    const fromUs = nowUs - 100e6;
    const typeOf = async (toUs: CatchUp['toUs']) => {
      const text = new TextDecoder().decode(
        await past.bytes(await answerCatchUp(past.stream, { fromUs, toUs }, nowUs)),
      );
      const list = parsePlaylist(text).playlist as MediaPlaylist;
      return [list.endList, list.segments.length];
    };
    assert.deepEqual(await typeOf(nowUs + 1800e6), [false, 50]);
    assert.deepEqual(await typeOf(undefined), [false, 50]);
    assert.deepEqual(await typeOf(nowUs), [true, 50]);
    assert.deepEqual(await typeOf('now'), [true, 50]);
    assert.deepEqual(await typeOf(nowUs + 30e6), [true, 50], 'the clock of the player is ahead');
  });

  test('a delay is answered with a playlist that names the instant, so reloads do not move it', async () => {
    await using past = await openPast();
    const reply = await answerDelayed(past.stream, 600, START_US + 1_000_400_000);
    assert.equal(reply.cacheControl, 'no-store');
    const list = parsePlaylist(new TextDecoder().decode(await past.bytes(reply))).playlist as MultivariantPlaylist;
    assert.deepEqual(
      list.variants.map(({ uri }) => uri),
      [`index-${startS + 400}-600.m3u8`],
    );
    const own = await listAt(past, `/live/door/ts/index-${startS + 400}-600.m3u8`);
    assert.equal(own.segments[0]!.uri, '300.ts');
  });

  test('what is not recorded is 404, what retention deleted 410, more than a day 400', async () => {
    await using past = await openPast();
    const ask = (query: string) => past.get(`/live/door/ts/index.m3u8?${query}`);
    await assert.rejects(ask(`utc=${startS + 1300}&duration=60`), refusal('no-media'));
    await assert.rejects(ask('utc=4102444800&lutc=4102444800'), refusal('no-media'));
    await assert.rejects(ask(`utc=${startS}&duration=90000`), refusal('window-too-long'));
    await assert.rejects(ask(`utc=${startS + 60}&duration=0`), refusal('bad-time'));
    await assert.rejects(past.get('/live/door/ts/timeshift_rel-999999999.m3u8'), refusal('no-media'));
    past.state.horizonUs = START_US + 86_400e6;
    await assert.rejects(ask(`utc=${startS + 7200}&duration=60`), refusal('gone'));
  });
});

function segmentsOf(text: string): string[] {
  return [...text.matchAll(/^(?:.*\/)?(\d+\.ts)$/gm)].map(([, name]) => name!);
}

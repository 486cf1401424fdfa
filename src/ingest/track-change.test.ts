import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
import { audioTrack, dataTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { TrackChange } from './track-change.ts';

const MS = 90;
const record = (version: number) => Uint8Array.of(1, version);
const video = (version = 1): Track =>
  ({ ...videoTrack, id: 1, timescale: 90_000, config: { ...videoTrack.config, record: record(version) } }) as Track;
const audio = (version = 1): Track =>
  ({ ...audioTrack, id: 2, timescale: 90_000, config: { ...audioTrack.config, record: record(version) } }) as Track;
const frame = (trackId: number, ms: number, key: boolean, bytes = 10): Frame => {
  return { trackId, dts: ms * MS, pts: ms * MS, duration: 40 * MS, key, data: new Uint8Array(bytes) };
};

/** A publisher whose pictures are 40 ms long, the first with a key frame. `said`: what comes out. */
function openRig(tracks: readonly Track[] = [video(), audio()]) {
  const said: string[] = [];
  let now: readonly Track[] = [];
  const change = new TrackChange<number>({
    start: (started) => {
      now = started;
      said.push(`start ${started.map(({ id, config }) => `${id}.${config.record[1] ?? 0}`).join(' ')}`);
    },
    frame: ({ trackId, pts }) => said.push(`${now.find(({ id }) => id === trackId)!.kind[0]}${pts / MS}`),
    damage: (reason) => said.push(reason),
    requestKeyFrame: () => said.push('key frame, please'),
  });
  change.begin(tracks);
  const picture = (ms: number, key = false) => change.frame(frame(1, ms, key), 0);
  const sound = (ms: number, bytes?: number) => change.frame(frame(2, ms, true, bytes), 0);
  picture(0, true);
  sound(0);
  picture(40);
  sound(40);
  said.splice(0);
  return { change, picture, sound, take: () => said.splice(0) };
}

suite('a change of tracks', () => {
  test('picture first: frames of the old sound go to the old run, those of both new ones to one new run', () => {
    const { change, picture, sound, take } = openRig();
    change.take([video(2), audio()]);
    picture(80, true);
    sound(60);
    picture(120);
    change.take([video(2), audio(2)]);
    sound(80);
    assert.deepEqual(take(), ['a60', 'start 1.2 2.2', 'v80', 'v120', 'a80']);
    assert.ok(!change.isOpen);
  });

  test('sound first, and old pictures after it', () => {
    const { change, picture, sound, take } = openRig();
    change.take([video(), audio(2)]);
    sound(120);
    picture(80);
    change.take([video(2), audio(2)]);
    picture(120, true);
    assert.deepEqual(take(), ['key frame, please', 'v80', 'start 1.2 2.2', 'a120', 'v120']);
  });

  test('only the picture: the run begins as soon as the sound is beyond it, without a frame in the wrong run', () => {
    const { change, picture, sound, take } = openRig();
    change.take([video(2), audio()]);
    picture(80, true);
    sound(60);
    sound(80);
    sound(220);
    assert.deepEqual(take(), ['a60']);
    sound(240);
    assert.deepEqual(take(), ['start 1.2 2.1', 'v80', 'a80', 'a220', 'a240']);
  });

  test('sound that is silent delays the run by 600 ms of pictures at most', () => {
    const { change, picture, take } = openRig();
    change.take([video(2), audio()]);
    for (let ms = 80; ms <= 680; ms += 40) picture(ms, ms === 80);
    assert.deepEqual(take(), []);
    picture(720);
    assert.equal(take()[0], 'start 1.2 2.1');
  });

  test('only the sound: the picture continues up to the next key frame, and every picture comes', () => {
    const { change, picture, sound, take } = openRig();
    change.take([video(), audio(2)]);
    sound(80);
    sound(160);
    picture(80);
    picture(120);
    picture(160, true);
    assert.deepEqual(take(), ['key frame, please', 'v80', 'v120', 'start 1.1 2.2', 'a80', 'a160', 'v160']);
    change.take([video(), audio(3)]);
    sound(200);
    sound(600);
    take();
    picture(600, true);
    const said = take();
    assert.deepEqual(said.slice(0, 4), ['start 1.1 2.3', 'a200', 'a600', 'v600']);
    assert.match(said[4]!, /^1 frames of a new configuration/);
  });

  test('a key frame long before the new sound belongs to the old run', () => {
    const { change, picture, sound, take } = openRig();
    change.take([video(), audio(2)]);
    sound(1000);
    picture(700, true);
    assert.deepEqual(take().slice(1), ['v700']);
    picture(960, true);
    assert.deepEqual(take(), ['start 1.1 2.2', 'a1000', 'v960']);
  });

  test('announced: the key frame waits for the sound of its time, which may have changed', () => {
    const { change, picture, sound, take } = openRig();
    change.expect();
    sound(80);
    picture(80);
    picture(120, true);
    sound(100);
    change.take([video(), audio(2)]);
    sound(120);
    assert.deepEqual(take(), ['v80', 'a80', 'a100', 'start 1.1 2.2', 'v120', 'a120']);
  });

  test('announced, and nothing has changed: no run begins', () => {
    const { change, picture, sound, take } = openRig();
    change.expect();
    picture(80, true);
    sound(80);
    sound(230);
    assert.deepEqual(take(), ['v80', 'a80', 'a230']);
    change.expect();
    for (let ms = 240; ms <= 480; ms += 40) sound(ms);
    assert.equal(take().length, 7, 'without a key frame sound waits for 200 ms');
    assert.ok(!change.isOpen);
  });

  test('a track that changes again, and an interruption, begin the run that waits', () => {
    const { change, picture, sound, take } = openRig();
    change.take([video(2), audio()]);
    picture(80, true);
    change.take([video(3), audio()]);
    picture(120, true);
    assert.deepEqual(take(), ['start 1.2 2.1', 'v80']);
    change.begin([video(3), audio()]);
    sound(10);
    assert.deepEqual(take(), ['start 1.3 2.1', 'v120', 'start 1.3 2.1', 'a10']);
  });

  test('timestamps begin again: the run begins with the tracks that are reported until the sound has come', () => {
    const { change, picture, sound, take } = openRig();
    change.restart([video(2), audio()]);
    picture(90_080, true);
    picture(90_120);
    change.take([video(2), audio(2)]);
    sound(90_080);
    assert.deepEqual(take(), ['start 1.2 2.1', 'start 1.2 2.2', 'v90080', 'v90120', 'a90080']);
    const first = new TrackChange({ start() {}, frame() {}, damage() {}, requestKeyFrame() {} });
    first.restart([video(), audio()]);
    assert.ok(!first.isOpen, 'the first run waits for nothing');
  });

  test('tracks that come and go', () => {
    const { change, picture, sound, take } = openRig();
    change.take([video()]);
    picture(80);
    picture(120, true);
    assert.deepEqual(take(), ['v80', 'start 1.1', 'v120']);
    change.take([video(), audio(), { ...dataTrack, id: 64 } as Track]);
    picture(160, true);
    sound(160);
    assert.deepEqual(take(), ['start 1.1 2.1 64.0', 'v160', 'a160']);
    change.take([audio()]);
    sound(200);
    assert.deepEqual(take(), ['start 2.1', 'a200']);
  });

  test('what waits is bounded: sound without a key frame is dropped, oldest first', () => {
    const { change, sound, take } = openRig();
    change.take([video(), audio(2)]);
    for (let ms = 80; ms < 80 + 40 * 20; ms += 40) sound(ms, 1024 * 1024);
    const dropped = take().filter((line) => line.includes('new configuration'));
    assert.ok(dropped.length >= 2, dropped.join());
    change.end();
    assert.ok(take().length < 10);
  });

  test('the picture changes after an announced key frame: sound that waits stays before what follows', () => {
    const { change, picture, sound, take } = openRig();
    change.expect();
    picture(80, true);
    sound(100);
    change.take([video(2), audio()]);
    sound(140);
    picture(120, true);
    sound(280);
    assert.deepEqual(take(), ['v80', 'a100', 'start 1.2 2.1', 'a140', 'v120', 'a280']);
  });

  test('a track is removed while its frames wait: they belong to a run that has it', () => {
    const { change, picture, sound, take } = openRig();
    change.take([video(2), audio()]);
    picture(80, true);
    change.take([audio()]);
    sound(100);
    assert.deepEqual(take(), ['start 1.2 2.1', 'v80', 'start 2.1', 'a100']);
  });

  test('whatever comes: each frame once, in order, in a run of its configuration', () => {
    for (let seed = 1; seed < 1500; seed++) assertKept(seed);
  });
});

/** Frames and reports of tracks in an order that a seed gives. */
function assertKept(seed: number): void {
  let random = seed * 7919;
  const below = (count: number) => {
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((random / 2 ** 31) * count);
  };
  let run: readonly Track[] = [];
  const sent: string[] = [];
  const got: string[] = [];
  const change = new TrackChange<number>({
    start: (tracks) => {
      run = tracks;
    },
    frame: ({ trackId, pts }, version) => {
      assert.equal(run.find(({ id }) => id === trackId)?.config.record[1], version, `seed ${seed}: ${trackId} ${pts}`);
      got.push(`${trackId} ${pts}`);
    },
    damage() {},
    requestKeyFrame() {},
  });
  const versions = new Map([video, audio].map((_, i) => [i + 1, 1]));
  const times = [0, 0, 0];
  let isKey = true;
  const report = () =>
    change.take([video, audio].flatMap((of, i) => (versions.has(i + 1) ? [of(versions.get(i + 1))] : [])));
  const send = (id: number) => {
    const version = versions.get(id);
    if (version === undefined) return;
    const key = id === 2 || isKey || below(12) === 0;
    if (id === 1) isKey = false;
    sent.push(`${id} ${times[id]! * MS}`);
    const sending = frame(id, times[id]!, key);
    times[id]! += 60 - 20 * id;
    if (change.isOpen) change.frame(sending, version);
    else got.push(`${id} ${sending.pts}`);
  };
  report();
  for (let step = 0; step < 60; step++) {
    const action = below(100);
    const id = 1 + below(2);
    if (action < 85) send(action < 45 ? 1 : 2);
    else if (action < 88) change.expect();
    else {
      const isGone = !versions.has(id);
      if (action < 97 || isGone) versions.set(id, (versions.get(id) ?? step) + 1);
      else if (versions.size > 1) versions.delete(id);
      isKey ||= id === 1;
      report();
    }
  }
  change.end();
  for (const id of ['1', '2']) {
    const ofTrack = (all: readonly string[]) => all.filter((each) => each.startsWith(id));
    assert.deepEqual(ofTrack(got), ofTrack(sent), `seed ${seed}`);
  }
}

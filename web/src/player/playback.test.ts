import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { nextPlayback } from './playback.ts';
import {
  type FrontView,
  initialState,
  type PlaybackEffect,
  type PlaybackEvent,
  type PlaybackState,
  type SourceKind,
} from './playback-state.ts';

const NOW_MS = Date.UTC(2026, 0, 31, 20);
const minute = 60_000;
const failure = { code: 'unreachable', status: 0, title: '', hint: '' };

/** A player without buffers: its effects change only what the reducer sees next. */
class Playback {
  state: Readonly<PlaybackState> = initialState;
  effects: readonly PlaybackEffect[] = [];
  steadyMs = 0;
  front: { -readonly [Key in keyof FrontView]: FrontView[Key] } = {
    kind: null,
    listed: false,
    stopped: false,
    hasPicture: false,
    ready: false,
    paused: true,
    shownMs: null,
    edgeMs: null,
    liveSyncPosition: null,
    frameS: 0.04,
    positionOf: () => null,
  };

  /** What was requested, in order, without data. */
  get did(): readonly string[] {
    return this.effects.map((effect) => effect.do);
  }

  take(event: PlaybackEvent): void {
    const before = this.state;
    const pending = before.pending?.to ?? null;
    Object.freeze(before);
    const view = { steadyMs: this.steadyMs, nowMs: NOW_MS + this.steadyMs, front: { ...this.front } };
    const { state, effects } = nextPlayback(before, event, view);
    this.state = state;
    this.effects = effects;
    for (const effect of effects) {
      if (effect.do === 'swap') this.#show(pending!);
      else if (effect.do === 'stop-loading') this.front.stopped = true;
      else if (effect.do === 'play') this.front.paused = false;
      else if (effect.do === 'pause') this.front.paused = true;
    }
  }

  #show(kind: SourceKind): void {
    Object.assign(this.front, { kind, listed: true, stopped: false, hasPicture: true, ready: true });
    this.front.liveSyncPosition = kind === 'live' ? 298 : null;
    this.front.edgeMs = NOW_MS + this.steadyMs - (kind === 'live' ? 0 : 10 * minute);
    this.front.shownMs = this.front.edgeMs - 1_000;
    // A live list of five minutes.
    this.front.positionOf = (atMs) => (NOW_MS + this.steadyMs - atMs < 5 * minute ? 1 : null);
  }

  /** The stream is live and its live list plays. */
  static live(): Playback {
    const playback = new Playback();
    playback.take({ type: 'stream', live: true });
    playback.take({ type: 'go-live' });
    playback.take({ type: 'first-picture' });
    playback.take({ type: 'frame' });
    return playback;
  }

  /** Goes to a recorded time, which is found at once. */
  goTo(atMs: number): void {
    this.take({ type: 'go-to', atMs, back: false });
    this.take({ type: 'found', request: this.state.request, requestedMs: atMs, moment: { atMs } });
  }
}

suite('playback, without a browser', () => {
  test('live is loaded in the background and comes to the front with its first picture', () => {
    const playback = new Playback();
    playback.take({ type: 'stream', live: true });
    playback.take({ type: 'go-live' });
    assert.deepEqual([playback.did, playback.state.mode], [['load-live'], 'idle']);
    playback.take({ type: 'first-picture' });
    assert.deepEqual(playback.did, ['swap', 'expect-wait', 'measure-edge', 'set-speed', 'play']);
    assert.deepEqual([playback.state.mode, playback.state.pending], ['live', null]);
  });

  test('qualities that begin later are loaded in the background, while live is played and nothing else is loaded', () => {
    const playback = Playback.live();
    playback.take({ type: 'more-qualities' });
    assert.deepEqual(playback.did, ['load-live']);
    assert.equal(playback.state.mode, 'live');
    playback.take({ type: 'more-qualities' });
    assert.deepEqual(playback.did, []);
    playback.take({ type: 'first-picture' });
    assert.equal(playback.state.pending, null);
    playback.take({ type: 'toggle-play' });
    playback.take({ type: 'more-qualities' });
    assert.deepEqual(playback.did, [], 'not while it is paused');
  });

  test('a time that the live list has is a seek, an older one a load', () => {
    const playback = Playback.live();
    playback.goTo(NOW_MS - minute);
    assert.deepEqual([playback.did, playback.state.mode], [['set-speed', 'seek', 'play'], 'shifted']);
    playback.goTo(NOW_MS - 20 * minute);
    assert.deepEqual(playback.effects, [{ do: 'load-past', atMs: NOW_MS - 20 * minute }]);
    assert.deepEqual([playback.state.mode, playback.state.targetMs], ['shifted', NOW_MS - 20 * minute]);
    playback.take({ type: 'first-picture' });
    assert.equal(playback.state.mode, 'past');
    playback.take({ type: 'frame' });
    assert.equal(playback.state.targetMs, null);
  });

  test('a late answer to an older request is dropped', () => {
    const playback = Playback.live();
    playback.take({ type: 'go-to', atMs: NOW_MS - 20 * minute, back: false });
    const { request } = playback.state;
    playback.take({ type: 'go-live' });
    const { state } = playback;
    playback.take({ type: 'find-failed', request, failure });
    playback.take({ type: 'found', request, requestedMs: 0, moment: { atMs: NOW_MS - minute } });
    assert.deepEqual([playback.state, playback.did], [state, []]);
  });

  test('a switch that receives nothing for 8 s, or has no picture after 30 s, is given up', () => {
    for (const [everyMs, afterMs] of [
      [Number.POSITIVE_INFINITY, 8_000],
      [5_000, 30_000],
    ] as const) {
      const playback = Playback.live();
      playback.goTo(NOW_MS - 20 * minute);
      for (playback.steadyMs = 0; playback.state.pending; playback.steadyMs += 250) {
        if (playback.steadyMs % everyMs === 0) playback.take({ type: 'progress' });
        playback.take({ type: 'tick' });
      }
      assert.equal(playback.steadyMs, afterMs + 500);
      assert.deepEqual(playback.did, ['drop']);
      assert.deepEqual(
        [playback.state.note?.key, playback.state.failure, playback.state.mode],
        ['note.failed', null, 'live'],
      );
    }
  });

  test('what is lost is loaded again after 0, 1, 2, 4, 8, 15 s, until it has a picture', () => {
    const playback = Playback.live();
    const waits: number[] = [];
    playback.take({ type: 'failed', front: true, failure, isNetwork: true, segment: null });
    for (let turn = 0; turn < 6; turn++) {
      const fromMs = playback.steadyMs;
      playback.steadyMs = playback.state.retry.dueMs!;
      waits.push(playback.steadyMs - fromMs);
      playback.take({ type: 'tick' });
      assert.deepEqual(playback.did, ['load-live']);
      playback.take({ type: 'failed', front: false, failure, isNetwork: true, segment: null });
    }
    assert.deepEqual(waits, [0, 1_000, 2_000, 4_000, 8_000, 15_000]);
  });

  test('a stream that is live again is loaded at once, however long the next attempt would have waited', () => {
    for (const turns of [1, 3, 6]) {
      const playback = Playback.live();
      playback.take({ type: 'failed', front: true, failure, isNetwork: true, segment: null });
      for (let turn = 0; turn < turns; turn++) {
        playback.steadyMs = playback.state.retry.dueMs!;
        playback.take({ type: 'tick' });
        playback.take({ type: 'failed', front: false, failure, isNetwork: true, segment: null });
      }
      playback.take({ type: 'stream', live: false });
      playback.steadyMs += 100;
      playback.take({ type: 'stream', live: true });
      playback.take({ type: 'tick' });
      assert.deepEqual(playback.did, ['load-live'], `after ${turns} attempts`);
    }
  });

  test('a failure takes the place of the picture only if there is none', () => {
    const shown = Playback.live();
    shown.goTo(NOW_MS - 20 * minute);
    const empty = new Playback();
    empty.goTo(NOW_MS - 20 * minute);
    for (const playback of [shown, empty])
      playback.take({ type: 'failed', front: false, failure, isNetwork: false, segment: null });
    assert.deepEqual([shown.state.failure, shown.state.note?.key], [null, 'note.failed']);
    assert.deepEqual([empty.state.failure, empty.state.note], [failure, null]);
    empty.take({ type: 'try-again' });
    assert.equal(empty.state.targetMs, NOW_MS - 20 * minute);
  });

  test('a range is played again from its start after its last frame', () => {
    const playback = Playback.live();
    playback.take({ type: 'set-loop', range: { fromMs: NOW_MS - 2 * minute, toMs: NOW_MS - minute } });
    playback.take({
      type: 'found',
      request: playback.state.request,
      requestedMs: NOW_MS - 2 * minute,
      moment: { atMs: NOW_MS - 2 * minute },
    });
    playback.front.shownMs = NOW_MS - 2 * minute;
    playback.take({ type: 'frame' });
    assert.deepEqual(playback.did, []);
    playback.front.shownMs = NOW_MS - minute - 10;
    playback.take({ type: 'frame' });
    assert.deepEqual(playback.did, ['set-speed', 'seek', 'play']);
    playback.take({ type: 'go-live' });
    assert.equal(playback.state.loop, null);
  });
});

suite('catching up', () => {
  /** Plays a window of twenty minutes ago. */
  function inThePast(): Playback {
    const playback = Playback.live();
    playback.goTo(NOW_MS - 20 * minute);
    playback.take({ type: 'first-picture' });
    playback.take({ type: 'frame' });
    return playback;
  }

  test('it plays at double speed, the last seconds from the live list, until live', () => {
    const playback = inThePast();
    playback.take({ type: 'catch-up' });
    assert.deepEqual(playback.effects, [{ do: 'set-speed', rate: 2 }]);
    playback.take({ type: 'tick' });
    assert.deepEqual(playback.did, []);
    const shownMs = NOW_MS - 19_000;
    playback.front.shownMs = shownMs;
    playback.take({ type: 'frame' });
    playback.take({ type: 'tick' });
    assert.deepEqual(playback.effects, [{ do: 'load-live', atMs: shownMs + 1_000 }]);
    playback.take({ type: 'tick' });
    assert.deepEqual(playback.did, [], 'once');
    playback.take({ type: 'first-picture' });
    assert.deepEqual(playback.did, ['swap', 'expect-wait', 'measure-edge', 'set-speed', 'play']);
    assert.deepEqual([playback.state.mode, playback.state.rate], ['shifted', 2]);
    playback.take({ type: 'caught-up' });
    const { mode, rate, catchingUp } = playback.state;
    assert.deepEqual([mode, rate, catchingUp], ['live', 1, false]);
  });

  test('another speed or a seek ends it', () => {
    const faster = inThePast();
    faster.take({ type: 'catch-up' });
    faster.take({ type: 'set-rate', rate: 1.5 });
    assert.deepEqual([faster.state.catchingUp, faster.state.rate], [false, 1.5]);
    const elsewhere = inThePast();
    elsewhere.take({ type: 'catch-up' });
    elsewhere.goTo(NOW_MS - 40 * minute);
    assert.deepEqual([elsewhere.state.catchingUp, elsewhere.state.rate], [false, 1]);
  });

  test('a paused picture continues; live and a stream that is not live have nothing to catch up with', () => {
    const paused = inThePast();
    paused.take({ type: 'toggle-play' });
    paused.take({ type: 'catch-up' });
    assert.deepEqual([paused.state.wantPlay, paused.did.at(-1)], [true, 'play']);
    const live = Playback.live();
    live.take({ type: 'catch-up' });
    assert.deepEqual([live.state.catchingUp, live.did], [false, []]);
    const over = inThePast();
    over.take({ type: 'stream', live: false });
    over.take({ type: 'catch-up' });
    assert.equal(over.state.catchingUp, false);
  });
});

/** Random whole numbers that are the same in every run, 0 or more and below the argument (Mulberry32). */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/**
 * Events at random, as far as they can happen in the state; what must hold after each of them. Returns the
 * changes of mode.
 */
function walk(seed: number, changes: Set<string>, catchesUp = false): void {
  const below = seeded(seed);
  const chance = (part: number) => below(1000) < part * 1000;
  const playback = new Playback();
  for (let step = 0; step < 300; step++) {
    playback.steadyMs += 1 + below(chance(0.1) ? 40_000 : 1_000);
    const { state, front } = playback;
    const agoMs = [1_000, minute, 20 * minute][below(3)]!;
    const atMs = NOW_MS + playback.steadyMs - agoMs;
    const failed = (isFront: boolean): PlaybackEvent => {
      const kind = isFront ? front.kind : (state.pending?.to ?? null);
      const segment = kind === 'past' && chance(0.3) ? { fromMs: atMs, toMs: atMs + 2_000 } : null;
      const code = chance(0.3) ? 'stream-offline' : 'unreachable';
      const status = chance(0.5) ? 404 : 0;
      return { type: 'failed', front: isFront, failure: { ...failure, code, status }, isNetwork: chance(0.7), segment };
    };
    const events: PlaybackEvent[] = [
      { type: 'go-live' },
      { type: 'go-to', atMs, back: chance(0.5) },
      { type: 'try-again' },
      { type: 'toggle-play' },
      { type: 'set-rate', rate: [0.5, 1, 2][below(3)]! },
      { type: 'set-loop', range: chance(0.5) ? { fromMs: atMs, toMs: atMs + 10_000 } : null },
      { type: 'forget-note' },
      { type: 'stream', live: chance(0.7) },
      { type: 'tick' },
    ];
    if (catchesUp) events.push({ type: 'catch-up' });
    if (state.pending) {
      events.push({ type: 'progress' }, failed(false), { type: 'list', front: false, over: chance(0.3) });
      events.push({ type: 'first-picture' }, { type: 'first-picture' });
    } else if (front.hasPicture) {
      events.push({ type: 'hold' });
    }
    if (state.finding) {
      const moment = chance(0.7) ? { atMs } : undefined;
      const request = state.request - (chance(0.2) ? 1 : 0);
      events.push({ type: 'found', request, requestedMs: atMs, moment }, { type: 'find-failed', request, failure });
    }
    if (front.kind) {
      events.push(failed(true), { type: 'frame' }, { type: 'ended' });
      events.push(front.paused ? { type: 'paused' } : { type: 'played' });
      if (front.kind === 'live') events.push({ type: 'list', front: true, over: chance(0.3) });
    }
    if (front.kind && !state.pending && !front.paused) {
      events.push({ type: 'missing-segment-reached' });
      if (state.mode === 'live') events.push({ type: state.streamLive ? 'lost' : 'starved' });
      if (front.kind === 'live' && state.mode === 'shifted') events.push({ type: 'caught-up' }, { type: 'leaving' });
      if (front.kind === 'past' && state.mode === 'past') events.push({ type: 'past-over' });
    }
    const event = events[below(events.length)]!;
    playback.take(event);
    const { state: next, did } = playback;
    const has = (...names: string[]) => did.some((name) => names.includes(name));
    if (next.mode !== state.mode) changes.add(`${event.type} ${state.mode} ${next.mode}`);
    assert.ok(next.rate >= 0.5 && next.rate <= 2);
    if (next.catchingUp) assert.deepEqual([next.rate, next.mode === 'live', next.loop], [2, false, null]);
    assert.equal(has('load-live', 'load-past'), next.pending !== null && isNew(state, next));
    if (has('load-live')) assert.ok(next.streamLive, 'a live list is loaded only while the stream is live');
    if (has('drop', 'swap')) assert.ok(state.pending);
    if (has('play', 'play-back')) assert.ok(next.wantPlay, 'a paused player does not start');
    if (next.mode === 'offline' && state.mode !== 'offline') assert.ok(!has('play', 'seek', 'load-live'));
    if (next.retry.dueMs !== null) assert.ok(next.retry.dueMs - playback.steadyMs <= 15_000);
    if (has('find')) assert.ok(next.finding && next.targetMs !== null && next.request > state.request);
  }
}

/** Whether something else is being prepared than before. */
function isNew(before: Readonly<PlaybackState>, after: Readonly<PlaybackState>): boolean {
  return after.pending?.sinceMs !== before.pending?.sinceMs || after.pending?.to !== before.pending?.to;
}

test('random events: nothing is played without need, and the mode changes exactly as docs/4-watch/player.md says', () => {
  const changes = new Set<string>();
  for (let seed = 0; seed < 1000; seed++) walk(seed, changes);
  for (let seed = 0; seed < 1000; seed++) walk(seed, changes, true);
  for (const seed of [1061, 1220, 1723, 6140, 21_261]) walk(seed, changes); // rare changes
  const page = readFileSync(new URL('../../../docs/4-watch/player.md', import.meta.url), 'utf8');
  const words = (cell: string) => [...cell.matchAll(/`([a-z-]+)`/g)].map(([, word]) => word!);
  const documented = [...page.matchAll(/^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| ([^|]*) \| (`[a-z]+`) \|/gm)].flatMap(
    ([, events, from, to]) =>
      words(events!).flatMap((event) => words(from!).map((mode) => `${event} ${mode} ${words(to!)[0]}`)),
  );
  assert.deepEqual([...changes].sort(), documented.sort());
});

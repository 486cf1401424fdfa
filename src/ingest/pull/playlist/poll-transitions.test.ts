import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { seeded } from '@oxbow/media/random.fixture';
import type { PlaylistLocation, PollEvent, PollOperation, PollOptions, PollReport } from './poll-state.ts';
import { nextPoll, startPoll } from './poll-transitions.ts';

const TARGET_S = 4;
const location = (name: string): PlaylistLocation => ({ url: new URL(`https://a.example/${name}.m3u8`) });

/** A list of four segments, the last of which is number `newest`. */
function listOf(newest: number, more: Partial<MediaPlaylist> = {}): MediaPlaylist {
  const mediaSequence = Math.max(0, newest - 3);
  const segments = Array.from({ length: newest - mediaSequence + 1 }, (_, i) => ({
    uri: `${mediaSequence + i}.ts`,
    durationS: TARGET_S,
    discontinuity: false,
    gap: false,
    parts: [],
  }));
  return {
    version: 6,
    targetDurationS: TARGET_S,
    mediaSequence,
    discontinuitySequence: 0,
    independentSegments: false,
    endList: false,
    iFramesOnly: false,
    renditionReports: [],
    segments,
    ...more,
  };
}

/** A poller whose operations the test answers; time moves only as the test says. */
class Poll {
  nowMs = 0;
  readonly reports: PollReport[] = [];
  readonly path: string[] = [];
  retries = 0;
  returns = 0;
  #at: ReturnType<typeof nextPoll>;

  constructor(options: Partial<PollOptions> = {}) {
    const all = { canRelocate: true, awaitReturn: false, wasLive: false, fromPage: false, ...options };
    this.#at = startPoll(location('first'), all, 0);
    this.due();
  }

  get state() {
    return this.#at.state;
  }

  get effects() {
    return this.#at.effects;
  }

  get operation(): PollOperation | undefined {
    return this.#at.operation;
  }

  /** The operation, which must be of this kind. */
  expect<Do extends PollOperation['do']>(kind: Do): Extract<PollOperation, { do: Do }> {
    assert.equal(this.operation?.do, kind);
    return this.operation as Extract<PollOperation, { do: Do }>;
  }

  send(event: PollEvent): void {
    const from = this.state.phase.name;
    this.#at = nextPoll(this.state, event);
    this.path.push(`${from} ${event.type} ${this.state.phase.name}`);
    for (const effect of this.effects) {
      if (effect.do === 'report') this.reports.push(effect.report);
      else if (effect.do === 'count-retry') this.retries += 1;
      else this.returns += 1;
    }
  }

  /** @param part of the pause's bounds, 0 to 1 */
  due({ woken = false, part = 1, parts = false, holds = true } = {}): void {
    const { fromMs, minMs, maxMs } = this.expect('pause');
    if (!woken) this.nowMs = Math.max(this.nowMs, Math.ceil(fromMs + minMs + (maxMs - minMs) * part));
    this.send({ type: 'due', atMs: this.nowMs, following: { parts, holds }, woken });
  }

  loaded(
    list: MediaPlaylist | undefined,
    { text = JSON.stringify(list) ?? '', parts = false, holds = true } = {},
  ): void {
    const { url } = this.expect('load');
    const following = { parts, holds };
    this.send({ type: 'loaded', atMs: this.nowMs, list, text, url, arrivedMs: this.nowMs, following });
  }

  failed({ gone = false, detail = 'HTTP 500' } = {}): void {
    this.expect('load');
    this.send({ type: 'failed', atMs: this.nowMs, gone, detail });
  }

  located(found?: PlaylistLocation, live = true): void {
    assert.match(this.operation?.do ?? '', /locat/);
    this.send({ type: 'located', atMs: this.nowMs, location: found, live });
  }

  /** A live list that has been loaded, waiting for its next reload. */
  static live(options: Partial<PollOptions> = {}): Poll {
    const poll = new Poll(options);
    poll.loaded(listOf(3));
    return poll;
  }

  /** A live list that has ended and is awaited. */
  static ended(options: Partial<PollOptions> = {}): Poll {
    const poll = Poll.live({ awaitReturn: true, ...options });
    poll.due();
    poll.loaded(listOf(4, { endList: true }));
    if (poll.state.options.canRelocate) poll.located(location('first'));
    return poll;
  }
}

suite('the polling of a Media Playlist (RFC 8216bis 6.3.4)', () => {
  test('a list that changed is reloaded after its target duration, one that did not after half of it', () => {
    const poll = Poll.live();
    assert.deepEqual(
      poll.reports.map(({ kind }) => kind),
      ['list'],
    );
    poll.due();
    assert.equal(poll.nowMs, TARGET_S * 1000);
    poll.loaded(listOf(3));
    assert.equal(poll.reports.length, 1);
    poll.due();
    assert.equal(poll.nowMs, 1.5 * TARGET_S * 1000);
  });

  test('the pause counts from the beginning of the reload', () => {
    const poll = Poll.live();
    poll.due();
    const beganMs = poll.nowMs;
    poll.nowMs += 1500;
    poll.loaded(listOf(4));
    assert.deepEqual([poll.expect('pause').fromMs, poll.expect('pause').maxMs], [beganMs, TARGET_S * 1000]);
  });

  test('a server that holds reloads is asked again at once, with Delivery Directives', () => {
    const serverControl = { canBlockReload: true };
    const poll = new Poll();
    poll.loaded(listOf(3, { serverControl }));
    poll.due();
    assert.equal(poll.nowMs, 0);
    assert.match(poll.expect('load').url.search, /_HLS_msn=4/);
    assert.equal(poll.expect('load').holdMs, 3 * TARGET_S * 1000);
    poll.loaded(listOf(4, { serverControl }), { holds: false });
    poll.due({ holds: false });
    assert.equal(poll.nowMs, TARGET_S * 1000);
    assert.equal(poll.expect('load').url.search, '');
  });

  test('a delta update that does not fit is loaded completely at once; if that does not fit either, it is a failure', () => {
    const poll = Poll.live();
    poll.due();
    const beganMs = poll.nowMs;
    poll.loaded(undefined);
    poll.due();
    assert.equal(poll.nowMs, beganMs);
    poll.loaded(undefined);
    assert.deepEqual([poll.retries, poll.state.failures], [1, 1]);
  });

  test('a list that does not change for three target durations is down, reported once', () => {
    const poll = Poll.live();
    for (let i = 0; i < 20; i++) {
      poll.due();
      poll.loaded(listOf(3));
    }
    assert.deepEqual(poll.reports.slice(1), [{ kind: 'down', detail: 'the playlist has not changed for 14 s' }]);
  });

  for (const { failures, gone, lookups } of [
    { failures: 1, gone: true, lookups: 1 },
    { failures: 2, gone: false, lookups: 0 },
    { failures: 3, gone: false, lookups: 1 },
    { failures: 6, gone: true, lookups: 3 },
  ]) {
    test(`after ${failures} failures ${gone ? 'of a list that is gone' : ''} its URL was looked up ${lookups} times`, () => {
      const poll = Poll.live();
      let count = 0;
      for (let i = 0; i < failures; i++) {
        poll.due();
        poll.failed({ gone });
        if (poll.operation?.do !== 'locate') continue;
        count += 1;
        poll.located();
      }
      assert.deepEqual([count, poll.retries], [lookups, failures]);
    });
  }

  test('a list that fails is down after 1.5 target durations, once it is known to have no other URL', () => {
    const poll = Poll.live();
    const downAt: number[] = [];
    for (let i = 0; i < 12; i++) {
      poll.due();
      poll.failed();
      if (poll.operation?.do === 'locate') poll.located();
      if (poll.effects.some((effect) => effect.do === 'report')) downAt.push(poll.nowMs);
    }
    assert.equal(downAt.length, 1);
    assert.ok(downAt[0]! > 1.5 * TARGET_S * 1000, String(downAt));
    assert.deepEqual(poll.reports.at(-1), { kind: 'down', detail: 'HTTP 500' });
  });

  test('a lookup that takes too long is reported as down before its result is known', () => {
    const poll = Poll.live();
    poll.due();
    poll.failed({ gone: true });
    const { lateAtMs } = poll.expect('locate');
    assert.equal(lateAtMs, 2.5 * TARGET_S * 1000);
    poll.send({ type: 'lookup-late', atMs: lateAtMs! });
    assert.equal(poll.reports.at(-1)?.kind, 'down');
    poll.located(location('second'));
    assert.equal(poll.reports.at(-1)?.kind, 'down');
    poll.due();
    poll.loaded(listOf(9));
    const last = poll.reports.at(-1);
    assert.ok(last?.kind === 'list' && last.moved);
  });

  test('a new token is not another list', () => {
    const poll = Poll.live();
    poll.due();
    poll.failed({ gone: true });
    poll.located({ url: new URL('https://a.example/first.m3u8?token=2') });
    poll.due();
    assert.equal(poll.expect('load').url.search, '?token=2');
    poll.loaded(listOf(4));
    const last = poll.reports.at(-1);
    assert.ok(last?.kind === 'list' && !last.moved);
  });

  test('a VOD playlist is over after its first load; so is a live one that is not awaited', () => {
    const vod = new Poll({ awaitReturn: true });
    vod.loaded(listOf(9, { endList: true }));
    const live = Poll.live({ canRelocate: false });
    live.due();
    live.loaded(listOf(4, { endList: true }));
    for (const poll of [vod, live]) assert.deepEqual([poll.state.phase.name, poll.operation], ['over', undefined]);
  });

  test('a live list that ends is followed by the one at its new URL; without one it is over after 30 s', () => {
    const moved = Poll.live();
    moved.due();
    moved.loaded(listOf(4, { endList: true }));
    moved.located();
    moved.due();
    moved.located(location('second'));
    moved.due();
    assert.equal(moved.expect('load').url.pathname, '/second.m3u8');
    assert.deepEqual(moved.reports.at(-1), { kind: 'down', detail: 'the playlist ended' });
    const alone = Poll.live();
    alone.due();
    const endedMs = alone.nowMs;
    alone.loaded(listOf(4, { endList: true }));
    while (alone.state.phase.name !== 'over') {
      alone.located();
      alone.due({ part: 0 });
    }
    assert.ok(alone.nowMs >= endedMs + 30_000 && alone.nowMs < endedMs + 32_000);
  });

  test('a page that refers to VOD instead of the live playlist has no successor', () => {
    const poll = Poll.live({ awaitReturn: true, fromPage: true });
    poll.due();
    poll.loaded(listOf(4, { endList: true }));
    assert.ok(poll.expect('locate').mustBeLive);
    poll.located(location('vod'), false);
    assert.deepEqual([poll.state.phase.name, poll.reports.at(-1)], ['pausing', { kind: 'ended' }]);
    poll.due();
    assert.equal(poll.operation?.do, 'load', 'the page is not asked again for ten minutes');
    assert.equal(poll.state.location.url.pathname, '/first.m3u8');
  });

  test('an awaited list is looked up before each reload, and its return is announced', () => {
    const poll = Poll.ended();
    poll.due();
    poll.located(location('vod'), false);
    poll.failed();
    assert.deepEqual([poll.reports.at(-1)?.kind, poll.retries], ['ended', 1]);
    poll.due();
    poll.located(location('second'));
    poll.loaded(listOf(0));
    assert.equal(poll.returns, 1);
    const last = poll.reports.at(-1);
    assert.ok(last?.kind === 'list' && last.moved);
    assert.equal(poll.state.ended, undefined);
  });

  test('an awaited list whose URL has a new token is reloaded with it: the old one may have expired', () => {
    const poll = Poll.ended();
    poll.due();
    poll.located({ url: new URL('https://a.example/first.m3u8?token=2') });
    assert.equal(poll.expect('load').url.search, '?token=2');
  });

  test('the pause before an ended list is reloaded grows with the time it is away, up to a minute, and starts again when woken', () => {
    const poll = Poll.ended({ canRelocate: false });
    const pauses: (readonly [number, number])[] = [];
    for (let i = 0; i < 60; i++) {
      pauses.push([poll.expect('pause').minMs, poll.expect('pause').maxMs]);
      poll.due();
      poll.failed();
    }
    assert.deepEqual(pauses[0], [1600, 2000]);
    assert.deepEqual(pauses.at(-1), [48_000, 60_000]);
    poll.due({ woken: true });
    poll.failed();
    assert.equal(poll.expect('pause').maxMs, 2000);
  });

  test('an event that does not belong to the phase is a bug', () => {
    const poll = Poll.live();
    assert.throws(() => poll.send({ type: 'failed', atMs: 0, gone: false, detail: '' }), { name: 'AssertionError' });
  });
});

/** Answers operations at random, and checks after each transition what must always hold. */
function walk(seed: number, paths: Set<string>): void {
  const below = seeded(seed);
  const chance = (part: number) => below(1000) < part * 1000;
  const poll = new Poll({
    canRelocate: chance(0.7),
    awaitReturn: chance(0.6),
    fromPage: chance(0.3),
    wasLive: chance(0.3),
  });
  let newest = 3;
  let began: { readonly atMs: number; readonly leastMs: number } | undefined;
  let downs = 0;
  for (let step = 0; step < 120 && poll.operation; step++) {
    const { operation, state } = poll;
    const { ended } = state;
    if (operation.do === 'pause') {
      const { minMs, maxMs, fromMs, untilReturn } = operation;
      assert.ok(minMs >= 0 && minMs <= maxMs && fromMs <= poll.nowMs);
      if (maxMs > 0) assert.equal(untilReturn, ended !== undefined && state.phase.name === 'pausing');
      if (untilReturn) assert.ok(minMs >= 500 && maxMs <= 60_000, 'an ended list is reloaded every 0.5 to 60 s');
      const isRepair = state.needsFull && maxMs === 0;
      if (state.failures > 0 && !ended && !isRepair)
        assert.ok(minMs >= 250 && maxMs <= 10_000, 'the backoff is bounded');
      poll.due({ woken: untilReturn && chance(0.1), part: below(1001) / 1000, parts: chance(0.5), holds: chance(0.5) });
    } else if (operation.do === 'load') {
      const { url, reload, before } = operation;
      assert.equal(before, state.list);
      if (began && !reload.blocking) assert.ok(reload.beganMs - began.atMs >= began.leastMs, 'a reload is too soon');
      if (reload.parts || reload.blocking) assert.ok(before && state.failures === 0 && !ended);
      if (!reload.blocking) assert.equal(url.search, '');
      poll.nowMs += below(chance(0.1) ? 30_000 : 500);
      began = undefined;
      if (chance(0.25)) poll.failed({ gone: chance(0.4) });
      else if (before && chance(0.05)) poll.loaded(undefined);
      else {
        newest += chance(0.7) ? 1 : 0;
        const serverControl = chance(0.5) ? { canBlockReload: true, canSkipUntilS: 24 } : undefined;
        const list = listOf(newest, { endList: chance(0.15), ...(serverControl && { serverControl }) });
        poll.loaded(list, { parts: chance(0.5), holds: chance(0.5) });
        const isBlocking = serverControl !== undefined;
        if (!list.endList && !isBlocking) began = { atMs: reload.beganMs, leastMs: (TARGET_S * 1000) / 2 };
      }
    } else {
      if (operation.do === 'locate' && operation.lateAtMs !== undefined && chance(0.3)) {
        poll.nowMs = Math.max(poll.nowMs, operation.lateAtMs);
        poll.send({ type: 'lookup-late', atMs: poll.nowMs });
      } else {
        poll.nowMs += below(chance(0.2) ? 20_000 : 500);
        const found = [undefined, location('first'), location(`other${below(3)}`)][below(3)];
        poll.located(found, found !== undefined && chance(0.7));
      }
    }
    for (const effect of poll.effects) {
      if (effect.do !== 'report') continue;
      const { report } = effect;
      if (report.kind === 'down' && report.detail === 'the playlist ended') continue; // has another report
      downs = report.kind === 'down' ? downs + 1 : 0;
      assert.ok(downs <= 1, 'down is reported once until the list changes');
      if (report.kind === 'down') assert.equal(poll.state.ended, undefined, 'a source that ended is not down');
    }
    assert.equal(poll.operation === undefined, poll.state.phase.name === 'over');
    if (poll.state.phase.name === 'over') assert.ok(poll.state.list?.endList, 'only an ended list is over');
  }
  for (const one of poll.path) paths.add(one);
}

test('random sources: bounded pauses, no report twice, and exactly the transitions of docs/2-sources/polling.md', () => {
  const paths = new Set<string>();
  for (let seed = 0; seed < 2000; seed++) walk(seed, paths);
  const page = readFileSync(new URL('../../../../docs/2-sources/polling.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `([a-z-]+)` \| `([a-z-]+)` \| `([a-z-]+)` \|/gm)].map(([, ...row]) =>
    row.join(' '),
  );
  assert.deepEqual([...paths].sort(), documented.sort());
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimelineView } from '../../../src/api/shapes.ts';
import { readFailure } from '../api/client.ts';
import { Recorded } from './recorded.ts';

const now = Date.UTC(2026, 0, 31, 20);
const hour = 3_600_000;
const text = (ms: number) => new Date(ms).toISOString();

function empty(fromMs: number, toMs: number): TimelineView {
  const lists = {
    spans: [],
    healed: [],
    gaps: [],
    offline: [],
    deleted: [],
    runs: [],
    windows: [],
    pins: [],
    markers: [],
  };
  return { from: text(fromMs), to: text(toMs), res: 0, ...lists };
}

/** A server that recorded the given stretches, and counts requests. */
function server(spans: [number, number][], clock = () => now) {
  const requested: [number, number][] = [];
  const resolutions: (number | undefined)[] = [];
  const fetchTimeline = async (fromMs: number, toMs: number, _: AbortSignal, resS?: number): Promise<TimelineView> => {
    requested.push([fromMs, toMs]);
    resolutions.push(resS);
    const within = spans
      .map(([from, to]): [number, number] => [Math.max(from, fromMs), Math.min(to, toMs)])
      .filter(([from, to]) => to > from);
    return {
      ...empty(fromMs, toMs),
      res: resS ?? 0,
      spans: within.map(([from, to]) => ({ from: text(from), to: text(to) })),
    };
  };
  return { requested, resolutions, recorded: new Recorded(fetchTimeline, clock, new AbortController().signal) };
}

test('a time in the shown view needs no request', async () => {
  const { requested, recorded } = server([[now - 2 * hour, now - hour]]);
  await recorded.load(now - 2 * hour, now);
  assert.deepEqual(await recorded.find(now - 1.5 * hour), { atMs: now - 1.5 * hour });
  assert.equal(requested.length, 1);
});

test('an older time is requested, up to the next media however far it is', async () => {
  const { requested, recorded } = server([[now - hour, now]]);
  const moment = await recorded.find(now - 300 * hour);
  assert.equal(moment?.atMs, now - hour);
  assert.equal(moment?.skipped?.kind, 'offline');
  assert.equal(requested.length, 2);
  for (const [from, to] of requested) assert.ok(to - from < 31 * 24 * hour);
});

test('if nothing follows, nothing is found and the requests end', async () => {
  const { requested, recorded } = server([]);
  assert.equal(await recorded.find(now - 10 * hour), undefined);
  assert.equal(await recorded.find(now + hour), undefined);
  assert.equal(requested.length, 1);
});

test('a step to a gap outside of what is known is searched to the oldest kept time, and ends there', async () => {
  const gap = { from: text(now - 50 * hour), to: text(now - 49 * hour), cause: 'disk' as const, detail: '' };
  const requested: [number, number][] = [];
  const fetchTimeline = async (fromMs: number, toMs: number): Promise<TimelineView> => {
    requested.push([fromMs, toMs]);
    const isIn = Date.parse(gap.from) < toMs && Date.parse(gap.to) > fromMs;
    return { ...empty(fromMs, toMs), gaps: isIn ? [gap] : [] };
  };
  const recorded = new Recorded(fetchTimeline, () => now, new AbortController().signal);
  const view = { fromMs: now - hour, toMs: now };
  await recorded.cover(view, now - 60 * hour);
  const back = { atMs: now, forward: false };
  assert.equal(recorded.knownPoint(view, back), undefined, 'the view knows only its surroundings');
  assert.equal(recorded.knownPoint(view, { atMs: now, forward: true }), null, 'nothing is after now');
  const found = await recorded.findPoint(view, back);
  assert.equal(found?.atMs, now - 50 * hour - 3_000);
  const before = requested.length;
  assert.equal(await recorded.findPoint(view, { atMs: found.atMs, forward: false }), null);
  assert.ok(requested.length - before <= 2, `${requested.length - before} requests`);
  assert.equal((await recorded.findPoint(view, { atMs: now - 55 * hour, forward: true }))?.kind, 'gap');
});

test('a step back over a hole outside of the view needs one request', async () => {
  const { requested, recorded } = server([[now - 3 * hour, now - 2 * hour]]);
  await recorded.load(now - hour, now);
  assert.deepEqual(await recorded.findBefore(now - 0.5 * hour), { atMs: now - 2 * hour - 5_000 });
  assert.equal(await recorded.findBefore(now - 4 * hour), undefined);
  assert.equal(requested.length, 3);
});

test('months are requested in ranges that the server accepts', async () => {
  const { requested, recorded } = server([[now - 80 * 24 * hour, now]]);
  const past = await recorded.load(now - 90 * 24 * hour, now);
  assert.equal(requested.length, 3);
  assert.equal(past.fromMs, now - 90 * 24 * hour);
  assert.equal(past.stretches.at(-1)?.toMs, now);
});

test('the bar requests a view with its surroundings once, and then only the growing end', async () => {
  const clock = { nowMs: now };
  const { requested, recorded } = server([[now - 10 * hour, now + hour]], () => clock.nowMs);
  const at = (toMs: number) => ({ fromMs: toMs - hour / 6, toMs });
  await recorded.cover(at(now));
  await recorded.cover(at(now));
  await recorded.cover(at(now - hour / 6)); // within the surroundings
  assert.equal(requested.length, 1);
  clock.nowMs += 10_000;
  await recorded.cover(at(clock.nowMs));
  assert.equal(requested.length, 2);
  assert.ok(requested[1]![1] - requested[1]![0] <= 71_000, 'the unsettled minute, and what is new');
  const { past } = recorded.tileFor(at(clock.nowMs));
  assert.equal(past.toMs, clock.nowMs);
  assert.equal(past.stretches.length, 1, 'the responses are joined to one stretch');
});

test('of many views that are requested during a request only the last one follows', async () => {
  const requested: number[] = [];
  const answers: (() => void)[] = [];
  const recorded = new Recorded(
    (fromMs, toMs) => {
      requested.push(toMs);
      return new Promise((resolve) => answers.push(() => resolve(empty(fromMs, toMs))));
    },
    () => now,
    new AbortController().signal,
  );
  const day = (index: number) => ({ fromMs: now - (index + 1) * 24 * hour, toMs: now - index * 24 * hour });
  const covered = [0, 10, 20, 30].map((index) => recorded.cover(day(index)));
  assert.equal(requested.length, 1);
  answers[0]!();
  while (answers.length < 2) await new Promise(setImmediate);
  answers[1]!();
  await Promise.all(covered);
  assert.equal(requested.length, 2);
  assert.ok(requested[1]! < now - 28 * 24 * hour);
});

test('a zoomed out bar requests a coarse resolution, which is enough to play', async () => {
  const { resolutions, requested, recorded } = server([[now - 40 * hour, now - hour]]);
  await recorded.cover({ fromMs: now - 48 * hour, toMs: now });
  assert.deepEqual(resolutions, [60]);
  assert.deepEqual(recorded.known(now - 20 * hour), { atMs: now - 20 * hour });
  assert.equal(recorded.known(now - 47 * hour), undefined);
  assert.equal((await recorded.find(now - 47 * hour))?.atMs, now - 40 * hour);
  assert.equal(requested.length, 2);
});

test('a coarse response does not give the exact cause of a gap', async () => {
  const fetchTimeline = async (fromMs: number, toMs: number) => ({ ...empty(fromMs, toMs), res: 2 });
  const recorded = new Recorded(fetchTimeline, () => now, new AbortController().signal);
  await recorded.cover({ fromMs: now - hour, toMs: now });
  assert.equal(recorded.knownBefore(now - hour / 2), undefined);
});

test('a failed request is reported, and the next one retries', async () => {
  let fails = true;
  const fetchTimeline = async (fromMs: number, toMs: number) => {
    if (fails) throw new Error('no network');
    return empty(fromMs, toMs);
  };
  const recorded = new Recorded(fetchTimeline, () => now, new AbortController().signal);
  const view = { fromMs: now - hour, toMs: now };
  await assert.rejects(recorded.cover(view), /no network/);
  fails = false;
  await recorded.cover(view);
  assert.equal(recorded.tileFor(view).past.toMs, now);
});

/** A server that answers in whole seconds, like the real one, and has one marker. */
function wholeSeconds(markerMs: number, clock: { nowMs: number }) {
  const gate: { held: Promise<void> | null } = { held: null };
  const marks = { set: true };
  const fetchTimeline = async (fromMs: number, toMs: number): Promise<TimelineView> => {
    const [from, to] = [Math.floor(fromMs / 1000) * 1000, Math.ceil(toMs / 1000) * 1000];
    const isIn = marks.set && markerMs >= from && markerMs < to;
    const markers = isIn ? [{ id: 'm', at: text(markerMs), text: '' }] : [];
    await gate.held;
    return { ...empty(from, to), spans: [{ from: text(from), to: text(to) }], markers } as TimelineView;
  };
  return { gate, marks, recorded: new Recorded(fetchTimeline, () => clock.nowMs, new AbortController().signal) };
}

test('a marker at the seam of two responses appears once', async () => {
  const clock = { nowMs: now + 700 };
  const { recorded } = wholeSeconds(now - 60_000 + 400, clock);
  const view = () => ({ fromMs: clock.nowMs - hour, toMs: clock.nowMs });
  await recorded.cover(view());
  clock.nowMs += 5_000;
  await recorded.cover(view());
  assert.equal(recorded.tileFor(view()).markers.length, 1);
  assert.equal(recorded.tileFor(view()).past.stretches.length, 1);
});

test('a marker that is added during a request is requested after it', async () => {
  const clock = { nowMs: now };
  const { recorded, gate, marks } = wholeSeconds(now - hour / 2, clock);
  const view = () => ({ fromMs: clock.nowMs - hour, toMs: clock.nowMs });
  marks.set = false;
  await recorded.cover(view());
  clock.nowMs += 5_000;
  const { promise, resolve } = Promise.withResolvers<void>();
  gate.held = promise;
  const before = recorded.cover(view());
  marks.set = true;
  recorded.forget();
  const after = recorded.cover(view());
  resolve();
  await Promise.all([before, after]);
  assert.equal(recorded.tileFor(view()).markers.length, 1);
});

test('a link to a time long before any stream does not request forever', async () => {
  const { requested, recorded } = server([[now - hour, now]]);
  assert.equal(await recorded.find(0), undefined);
  assert.ok(requested.length < 30, `${requested.length} questions`);
  await recorded.cover({ fromMs: now - 48 * hour, toMs: now }, now - hour);
  assert.equal((await recorded.find(0))?.atMs, now - hour, 'the oldest kept time is known by now');
});

test('a JSON response that is not oxbow’s is a failure that can be shown', async () => {
  for (const body of [null, {}, { spans: 7 }]) {
    const recorded = new Recorded(
      async () => body as never,
      () => now,
      new AbortController().signal,
    );
    await assert.rejects(recorded.find(now - hour), { failure: readFailure(200, '') });
    await assert.rejects(recorded.cover({ fromMs: now - hour, toMs: now }), { failure: readFailure(200, '') });
  }
});

/**
 * A complete player on a fake stream, for tests of its behaviour.
 * In: a test. Out: the player, its last snapshot, functions that advance time, playlists and frames.
 */
import type { TestContext } from 'node:test';
import type { StreamView, TimelineView } from '../../../src/api/shapes.ts';
import { ApiError, readFailure } from '../api/client.ts';
import { idle, type MediaState } from '../media/state.ts';
import { Recorded } from '../timeline/recorded.ts';
import { FakeDocument, FakeHls, fakeSurface } from './fakes.fixture.ts';
import { Player } from './player.ts';

/** The server's time when a test begins, unix milliseconds. */
export const start = Date.UTC(2026, 0, 31, 20, 5);
/** Milliseconds. */
export const minute = 60_000;
const text = (ms: number) => new Date(ms).toISOString();
/** All settled promises have been handled. */
export const settled = () => new Promise(setImmediate);

/** A player on a stream that recorded since 19:00, except from 19:30 to 19:40; closed when the test ends. */
export function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  FakeHls.all = [];
  const document = new FakeDocument();
  const clock = { ms: 0, wallMs: start };
  const answers = { refuse: false, requested: 0 };
  const view = (fromMs: number, toMs: number): TimelineView => ({
    from: text(fromMs),
    to: text(toMs),
    spans: [
      { from: text(start - 65 * minute), to: text(start - 35 * minute) },
      { from: text(start - 25 * minute), to: text(start - 4_000) },
    ],
    healed: [],
    gaps: [{ from: text(start - 35 * minute), to: text(start - 25 * minute), cause: 'crash', detail: '' }],
    offline: [],
    deleted: [],
    res: 0,
    runs: [],
    windows: [],
    pins: [],
    markers: [],
  });
  const recorded = new Recorded(
    async (fromMs, toMs) => {
      answers.requested += 1;
      if (answers.refuse) throw new ApiError(readFailure(0, ''));
      return view(fromMs, toMs);
    },
    () => start,
    new AbortController().signal,
  );
  const open = (stream: string) => {
    const seen = { snapshot: idle as MediaState };
    const player = new Player({
      Hls: FakeHls as never,
      surface: fakeSurface(document),
      stream,
      recorded,
      now: () => start + clock.ms,
      steadyMs: () => clock.ms,
      wallMs: () => clock.wallMs + clock.ms,
      fetchTimeline: async (fromMs, toMs) => view(fromMs, toMs),
      onChange: (snapshot) => {
        seen.snapshot = snapshot;
      },
    });
    t.after(() => player.close());
    return { player, seen };
  };
  const { player, seen } = open('cam');
  const state = (name: StreamView['state']) => player.streamChanged({ state: name } as StreamView);
  /** Advances time, with the ticks of the player. */
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 300) {
      clock.ms += Math.min(300, left);
      document.steadyMs = clock.ms;
      t.mock.timers.tick(Math.min(300, left));
    }
  };
  /** The buffer in the background shows its first frame. */
  const arrive = (mediaTime: number) => FakeHls.last.video!.picture(mediaTime);
  /** The live playlist of the last five minutes plays at its edge. */
  const playLive = () => {
    state('live');
    player.controls.goLive();
    FakeHls.last.list(start + clock.ms - 5 * minute, start + clock.ms);
    FakeHls.last.video!.bufferedTo = 300;
    arrive(299.5);
  };
  return { player, document, seen, state, pass, arrive, playLive, clock, answers, open };
}

/** The address of the window that contains a time, unix milliseconds. */
export const windowAt = (ms: number) => {
  const from = Math.floor(ms / 600_000) * 600;
  return `/vod/cam/${from}/${from + 600}/index.m3u8`;
};

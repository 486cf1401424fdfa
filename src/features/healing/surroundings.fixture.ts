/**
 * A recording with a gap, in memory, for the tests of sources.
 * In: frames, a gap. Out: its surroundings as a source gets them; which frames are missing. Used by tests
 * only.
 */
import assert from 'node:assert/strict';
import type { Frame, Track } from '@oxbow/media/frame';
import { createTsDemuxer } from '@oxbow/media/mpegts/demuxer';
import { ticksToUs } from '@oxbow/media/run';
import type { RecordedFrames } from '../../recording/read-group.ts';
import type { RecordedGroup } from '../../recording/recording-reader.ts';
import { hashFrames } from './match/coded-frames.ts';
import type { FoundMedia, FoundRun, GapSurroundings, HealingGap } from './source.ts';

/** Media that was broadcast; all but the gap is recorded. */
export interface Broadcast {
  readonly tracks: readonly Track[];
  readonly utcOffsetUs: number;
  readonly frames: readonly Frame[];
}

/** Half a minute of the recording is offered on each side. */
const AROUND_MS = 30_000;
const SEGMENT_MS = 2000;

/** UTC of a frame, ms. */
export function utcMsOf({ tracks, utcOffsetUs }: Pick<Broadcast, 'tracks' | 'utcOffsetUs'>, frame: Frame): number {
  const { timescale } = tracks.find(({ id }) => id === frame.trackId)!;
  return (utcOffsetUs + ticksToUs(frame.pts, timescale)) / 1000;
}

/** Frames of an MPEG-TS file. @param fromMs UTC of its first picture */
export function broadcastOf(bytes: Uint8Array, fromMs: number): Broadcast {
  let tracks: readonly Track[] = [];
  const frames: Frame[] = [];
  const demuxer = createTsDemuxer({
    tracks: (all) => {
      tracks = all;
    },
    frame: (frame) => frames.push(frame),
    damage: (reason) => assert.fail(reason),
  });
  demuxer.push(bytes);
  demuxer.flush();
  const video = tracks.find(({ kind }) => kind === 'video')!;
  const first = Math.min(...frames.filter(({ trackId }) => trackId === video.id).map(({ pts }) => pts));
  return { tracks, frames, utcOffsetUs: fromMs * 1000 - ticksToUs(first, video.timescale) };
}

/** The recording around a gap, in segments of two seconds. */
export function surroundingsOf(
  media: Broadcast,
  { fromMs, toMs }: Pick<HealingGap, 'fromMs' | 'toMs'>,
): GapSurroundings {
  const contents = new Map<RecordedGroup, RecordedFrames>();
  const segments = (startMs: number, endMs: number): RecordedGroup[] => {
    const groups: RecordedGroup[] = [];
    for (let at = startMs; at < endMs; at += SEGMENT_MS) {
      const frames = media.frames.filter((frame) => {
        const ms = utcMsOf(media, frame);
        return ms >= at && ms < Math.min(endMs, at + SEGMENT_MS);
      });
      if (frames.length === 0) continue;
      const group = { startUs: at * 1000, utcOffsetUs: media.utcOffsetUs } as unknown as RecordedGroup;
      contents.set(group, { tracks: media.tracks, utcOffsetUs: media.utcOffsetUs, frames });
      groups.push(group);
    }
    return groups;
  };
  return {
    stream: { id: 's1', name: 'cam' },
    before: segments(fromMs - AROUND_MS, fromMs),
    after: segments(toMs, toMs + AROUND_MS),
    read: async (group) => contents.get(group)!,
  };
}

/** Everything that a source found, with UTC. */
export async function readFound(media: FoundMedia) {
  const runs = new Set<FoundRun>();
  const frames: { readonly kind: Track['kind']; readonly utcMs: number; readonly frame: Frame }[] = [];
  for await (const { run, frames: some } of media.media) {
    runs.add(run);
    for (const frame of some) {
      const { kind } = run.tracks.find(({ id }) => id === frame.trackId)!;
      frames.push({ kind, utcMs: utcMsOf(run, frame), frame });
    }
  }
  return { runs: [...runs], frames };
}

/** Asserts that all frames of the gap were found at their times. @param errorMs largest error */
export async function assertHealed(
  found: Awaited<ReturnType<typeof readFound>>,
  media: Broadcast,
  { fromMs, toMs }: Pick<HealingGap, 'fromMs' | 'toMs'>,
  errorMs: number,
): Promise<void> {
  const { signal } = new AbortController();
  for (const track of media.tracks) {
    // Silence comes more than once.
    const times = new Map<string, number[]>();
    for (const { kind, frame, utcMs } of found.frames) {
      // Ids of the tracks of a source are its own.
      const [hashed] =
        kind === track.kind ? await hashFrames(track, [{ ...frame, trackId: track.id }], 0, { signal }) : [];
      if (hashed) times.set(hashed.hash, [...(times.get(hashed.hash) ?? []), utcMs]);
    }
    const expected = await hashFrames(track, media.frames, media.utcOffsetUs, { signal });
    const missing = expected.filter(({ us }) => us / 1000 >= fromMs && us / 1000 < toMs);
    assert.ok(missing.length > 0, 'the gap has frames');
    for (const { hash, us } of missing) {
      const foundMs = times.get(hash) ?? [];
      const isThere = foundMs.some((ms) => Math.abs(ms - us / 1000) <= errorMs);
      assert.ok(isThere, `${track.kind} of ${us / 1000}: ${foundMs}`);
    }
  }
}

/**
 * The sound of a member of a set of angles around an instant, as levels.
 * In: a recording or a video, a range on its own clock. Out: levels on that clock.
 */
import type { SoundLevels } from '@oxbow/media/align/energy';
import type { AudioTrack, Frame, Track } from '@oxbow/media/frame';
import type { RangeReader } from '../../archive/range-reader.ts';
import { isMissing } from '../../archive/segment-store.ts';
import type { ExportSource } from '../../delivery/export/export.ts';
import type { MeasureLevels } from '../../ffmpeg/engine.ts';
import { readLevels } from '../../ffmpeg/read-levels.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { AssetMediaCache } from '../../library/asset-media.ts';
import { framesOf, readGroup } from '../../recording/read-group.ts';
import type { Angle } from './angle-members.ts';

/** Dependencies. */
export interface AngleSoundParts {
  /** The recording of a stream, which may belong to another node. */
  readonly sourceOf: (of: { readonly streamId: string; readonly stream: string }) => Promise<ExportSource>;
  readonly media: Pick<AssetMediaCache, 'find'>;
  readonly reader: Pick<RangeReader, 'read' | 'damaged'>;
  readonly measureLevels: MeasureLevels;
}

/** A range on the clock of a member, ms. */
export interface SoundRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Sound on one clock. */
interface Stretch {
  readonly track: AudioTrack;
  /** Added to the times of the frames, it gives the clock of the member, µs. */
  readonly offsetUs: number;
  readonly frames: readonly Frame[];
}

/** Codes of errors that mean that there is no sound to compare. */
const WITHOUT_SOUND = new Set(['no-media', 'gone', 'engine-failed', 'stream-unknown', 'bad-time']);

/**
 * Reads the sound of a member; the longest stretch of it that has one clock.
 *
 * @param range at most five minutes
 * @returns undefined if there is none that can be read
 * @throws the signal's reason when aborted
 */
export async function readSound(
  angle: Angle,
  range: SoundRange,
  parts: AngleSoundParts,
  { signal }: { readonly signal: AbortSignal },
): Promise<SoundLevels | undefined> {
  try {
    const stretches = angle.stream
      ? await readStream({ streamId: angle.stream.id, stream: angle.stream.name }, range, parts, signal)
      : await readAsset(angle.asset.id, range, parts, signal);
    const longest = stretches.toSorted((a, b) => b.frames.length - a.frames.length)[0];
    if (!longest) return undefined;
    const { track, offsetUs, frames } = longest;
    const sound = await readLevels(track, frames, parts.measureLevels, { signal });
    return sound && { fromMs: sound.fromMs + offsetUs / 1000, levels: sound.levels };
  } catch (error) {
    signal.throwIfAborted();
    if (isMissing(error) || (error instanceof OxbowError && WITHOUT_SOUND.has(error.code))) return undefined;
    throw error;
  }
}

async function readStream(
  of: { readonly streamId: string; readonly stream: string },
  { fromMs, toMs }: SoundRange,
  { sourceOf, reader }: AngleSoundParts,
  signal: AbortSignal,
): Promise<Stretch[]> {
  const { stream } = await sourceOf(of);
  const groups = await stream.recording.between(Math.round(fromMs * 1000), Math.round(toMs * 1000));
  const stretches: Stretch[] = [];
  for (const group of groups) {
    const track = stream.inits.get(group.initNumber)?.tracks.find(isAudio);
    if (!track) continue;
    const { frames } = await readGroup(group, stream.inits, reader, signal, ({ id }) => id === track.id);
    add(stretches, { track, offsetUs: group.utcOffsetUs, frames });
  }
  return stretches;
}

/** Positions in a video count from its start: what its segments are apart is not played. */
async function readAsset(
  id: string,
  { fromMs, toMs }: SoundRange,
  { media, reader }: AngleSoundParts,
  signal: AbortSignal,
): Promise<Stretch[]> {
  const found = await media.find(id);
  const stretches: Stretch[] = [];
  let atUs = 0;
  for (const segment of found?.index ?? []) {
    const { startUs, durationUs, init, tracks, utcOffsetUs } = segment;
    const positionUs = atUs;
    atUs += durationUs;
    if (positionUs >= toMs * 1000) break;
    const track = init.tracks.find(isAudio);
    const stored = tracks.find(({ trackId, length }) => trackId === track?.id && length > 0);
    if (atUs <= fromMs * 1000 || !track || !stored) continue;
    signal.throwIfAborted();
    const bytes = await reader.read(stored.location, stored.offset, stored.length);
    // Segments have their start in UTC where the video is a range of a recording.
    const frames = framesOf(track, bytes);
    add(stretches, { track, offsetUs: utcOffsetUs + positionUs - startUs, frames });
  }
  return stretches;
}

/** Adds frames to the last stretch, if they are on its clock: segments are rounded to a microsecond. */
function add(stretches: Stretch[], next: Stretch): void {
  const last = stretches.at(-1);
  const continues = last?.track === next.track && Math.abs(last.offsetUs - next.offsetUs) < 1000;
  if (continues) stretches[stretches.length - 1] = { ...last, frames: [...last.frames, ...next.frames] };
  else stretches.push(next);
}

function isAudio(track: Track): track is AudioTrack {
  return track.kind === 'audio';
}

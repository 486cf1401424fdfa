/**
 * Sound for tests of conversions: made and decoded by ffmpeg, compared sample by sample.
 * In: encoder arguments, AAC frames. Out: MPEG-TS files, frames, samples, the offset between two sounds and
 * how alike they are.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ADTS_HEADER_BYTES, adtsFormOf, writeAdtsHeader } from '@oxbow/media/aac/adts';
import { concatBytes } from '@oxbow/media/bytes';
import type { AudioTrack, Frame, Track } from '@oxbow/media/frame';
import { createTsDemuxer } from '@oxbow/media/mpegts/demuxer';
import { madeOnce } from '../../test/fixtures/media/made-once.ts';

/** What a sound is made with. */
export interface SoundPlan {
  readonly seconds: number;
  /** Hz. */
  readonly rate?: number;
  readonly channels?: 1 | 2;
  readonly codec?: 'mp2' | 'ac3' | 'libmp3lame' | 'aac';
}

/**
 * Arguments of ffmpeg for a tone that rises, so that it is like itself at no other time; the right channel is
 * another one.
 */
export function soundInput({ seconds, rate = 48_000, channels = 2 }: SoundPlan): string[] {
  const left = '0.5*sin(2*PI*(200*t+40*t*t))';
  const right = '0.4*sin(2*PI*(900*t+25*t*t))';
  const exprs = channels === 2 ? `${left}|${right}` : left;
  return ['-f', 'lavfi', '-i', `aevalsrc='${exprs}':s=${rate}:d=${seconds}`];
}

/** A file with that tone. @param args of the encoder and the container */
export const encodeSound = (plan: SoundPlan, args: readonly string[], ending: string): Uint8Array =>
  new Uint8Array(readFileSync(madeOnce([...soundInput(plan), ...args], ending)));

/** An MPEG-TS file with that tone. */
export function makeSound(plan: SoundPlan): Uint8Array {
  const { codec = 'mp2', rate = 48_000 } = plan;
  const bitRate = rate < 32_000 ? '96k' : '192k';
  return encodeSound(plan, ['-c:a', codec, '-b:a', bitRate], 'ts');
}

/** The first audio track of an MPEG-TS file and its frames. */
export function demuxSound(bytes: Uint8Array): { track: AudioTrack; frames: Frame[] } {
  let tracks: readonly Track[] = [];
  const frames: Frame[] = [];
  const demuxer = createTsDemuxer({
    tracks: (all) => {
      tracks = all;
    },
    frame: (frame) => void frames.push(frame),
    damage: () => {},
  });
  demuxer.push(bytes);
  demuxer.flush();
  const track = tracks.find((each) => each.kind === 'audio');
  if (track?.kind !== 'audio') throw new Error('no audio track');
  return { track, frames: frames.filter(({ trackId }) => trackId === track.id) };
}

const decodeArgs = (filter: string) => ['-map', '0:a:0', '-af', `pan=mono|c0=c0${filter}`, '-f', 'f32le'];

/** The samples of the first channel of a file, decoded by ffmpeg. */
export function decodeSound(bytes: Uint8Array): Float32Array {
  const args = ['-v', 'error', '-nostdin', '-i', 'pipe:0', ...decodeArgs(''), 'pipe:1'];
  const pcm = execFileSync('ffmpeg', args, { input: bytes, timeout: 60_000, maxBuffer: 256 * 1024 * 1024 });
  return new Float32Array(new Uint8Array(pcm).buffer);
}

/**
 * The same of a source, which is decoded once on a machine.
 * @param filter follows, e.g. `,aresample=48000`
 */
export function decodeSource(bytes: Uint8Array, filter = ''): Float32Array {
  const pcm = readFileSync(madeOnce(decodeArgs(filter), 'pcm', bytes));
  return new Float32Array(new Uint8Array(pcm).buffer);
}

/** AAC frames as a file of ADTS. */
export function adtsOf(frames: readonly Frame[], { config }: AudioTrack): Uint8Array {
  const form = adtsFormOf(config.record);
  return concatBytes(
    frames.flatMap(({ data }) => {
      const header = new Uint8Array(ADTS_HEADER_BYTES);
      writeAdtsHeader(header, 0, form, data.length);
      return [header, data];
    }),
  );
}

/** Samples that are one sample when lags are chosen: tones of `soundInput` stay below 1.1 kHz. */
const COARSE = 6;
/** Between the lags that are compared completely, only every so many samples count. */
const SPARSE = 7;
/** Most lags around which the complete sounds are compared. */
const PEAKS = 8;

/**
 * Compares two sounds over their complete length: at a reduced rate at first, then around the lags that are
 * best there.
 *
 * @param maxLag largest offset that is tried, samples
 * @returns by how many samples `other` is later than `sound`, and their correlation there, 1 for the same
 *   sound
 */
export function compareSounds(sound: Float32Array, other: Float32Array, maxLag: number) {
  const [one, two] = [reduced(sound), reduced(other)];
  const most = Math.ceil(maxLag / COARSE);
  const likenesses = new Map<number, number>();
  for (let lag = -most - 1; lag <= most + 1; lag++) likenesses.set(lag, likenessAt(one, two, lag, 2));
  const at = (lag: number) => likenesses.get(lag) ?? -1;
  const peaks = [...likenesses.keys()]
    .filter((lag) => at(lag) >= at(lag - 1) && at(lag) >= at(lag + 1))
    .toSorted((a, b) => at(b) - at(a))
    .slice(0, PEAKS);
  let best = { lag: 0, likeness: -1 };
  for (const peak of peaks) {
    const lags = Array.from({ length: 2 * COARSE + 1 }, (_, i) => (peak - 1) * COARSE + i);
    const tried = lags.filter((lag) => Math.abs(lag) <= maxLag);
    const near = tried.map((lag) => ({ lag, likeness: likenessAt(sound, other, lag, SPARSE) }));
    const { lag } = near.reduce((a, b) => (b.likeness > a.likeness ? b : a), { lag: 0, likeness: -1 });
    for (const exact of [lag - 1, lag, lag + 1]) {
      const likeness = Math.abs(exact) <= maxLag ? likenessAt(sound, other, exact) : -1;
      if (likeness > best.likeness) best = { lag: exact, likeness };
    }
  }
  return best;
}

/** A sound with one sample for each COARSE samples: their mean. */
function reduced(sound: Float32Array): Float32Array {
  const means = new Float32Array(Math.floor(sound.length / COARSE));
  for (let i = 0; i < means.length; i++) {
    let sum = 0;
    for (let k = 0; k < COARSE; k++) sum += sound[i * COARSE + k]!;
    means[i] = sum / COARSE;
  }
  return means;
}

/**
 * Correlation of two sounds where both are, -1 to 1.
 *
 * @param lag by how many samples `other` is later
 * @param step only every so many samples are compared
 */
export function likenessAt(sound: Float32Array, other: Float32Array, lag: number, step = 1): number {
  let both = 0;
  let one = 0;
  let two = 0;
  const end = Math.min(sound.length, other.length - lag);
  for (let i = Math.max(0, -lag); i < end; i += step) {
    const a = sound[i]!;
    const b = other[i + lag]!;
    both += a * b;
    one += a * a;
    two += b * b;
  }
  return both / Math.sqrt(one * two || 1);
}

/**
 * The ladder of a live stream as text: which further qualities oxbow encodes.
 * In: `360p, 720p:2M, audio`. Out: rungs, lowest first, for config, streams and transcode/live. Pure.
 */
import { FormatError } from '@oxbow/media/errors';

/** One quality that is encoded. */
export interface LiveRung {
  /** Lines of the picture; of portrait video its width. Even, 144 to 2160. */
  readonly height: number;
  /** Bits per second of the video. */
  readonly bitrate: number;
}

export interface LiveLadder {
  /** Lowest first. */
  readonly rungs: readonly LiveRung[];
  /** A variant with only the sound is listed too. */
  readonly audio: boolean;
  /** Of interlaced pictures each field becomes a picture, in place of each two. */
  readonly fields?: true;
}

/** The ladder of a stream that has none. */
export const NO_LADDER: LiveLadder = { rungs: [], audio: false };

const LEAST_HEIGHT = 144;
const MOST_HEIGHT = 2160;
const LEAST_BITRATE = 50_000;
const MOST_BITRATE = 50_000_000;
/** Most entries of a ladder: a stream has at most nine derived qualities. */
const MAX_ENTRIES = 8;

/** Bits per second of heights; those between get a value between. */
const BITRATES: readonly (readonly [height: number, bitrate: number])[] = [
  [144, 150_000],
  [240, 250_000],
  [360, 400_000],
  [480, 900_000],
  [720, 2_000_000],
  [1080, 4_000_000],
  [1440, 8_000_000],
  [2160, 14_000_000],
];

/** The bitrate of a rung that names none, bits per second. */
export function defaultBitrate(height: number): number {
  const above = BITRATES.findIndex(([each]) => each >= height);
  const [high, most] = BITRATES[above]!;
  const [low, least] = BITRATES[Math.max(0, above - 1)]!;
  if (high === low) return most;
  return Math.round((least + ((most - least) * (height - low)) / (high - low)) / 1000) * 1000;
}

/**
 * Parses a ladder; the empty text is none. `source` may be written, and changes nothing: the source is always
 * a quality.
 *
 * @throws FormatError with what to write instead
 */
export function parseLadder(text: string): LiveLadder {
  const entries = text
    .toLowerCase()
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '' && entry !== 'source');
  if (entries.length > MAX_ENTRIES) throw new FormatError(`a ladder has at most ${MAX_ENTRIES} qualities`, 0);
  const rungs = new Map<number, LiveRung>();
  for (const entry of entries) {
    if (entry === 'audio' || entry === 'fields') continue;
    const rung = parseRung(entry);
    if (rungs.has(rung.height)) throw new FormatError(`the ladder has ${rung.height}p twice`, 0);
    rungs.set(rung.height, rung);
  }
  return {
    rungs: [...rungs.values()].sort((a, b) => a.height - b.height),
    audio: entries.includes('audio'),
    ...(entries.includes('fields') && { fields: true }),
  };
}

function parseRung(entry: string): LiveRung {
  const match = /^(\d{3,4})p(?:\s*:\s*(\d{1,6}(?:\.\d{1,3})?)([km]))?$/.exec(entry);
  if (!match) {
    throw new FormatError(`"${entry.slice(0, 40)}" is not a quality of a ladder; write 360p, 720p:2M or audio`, 0);
  }
  const height = Number(match[1]);
  if (height % 2 === 1 || height < LEAST_HEIGHT || height > MOST_HEIGHT) {
    throw new FormatError(`${height}p is not an even height from ${LEAST_HEIGHT}p to ${MOST_HEIGHT}p`, 0);
  }
  if (match[2] === undefined) return { height, bitrate: defaultBitrate(height) };
  const bitrate = Math.round(Number(match[2]) * (match[3] === 'm' ? 1_000_000 : 1000));
  if (bitrate < LEAST_BITRATE || bitrate > MOST_BITRATE) throw new FormatError('a bitrate is 50k to 50M', 0);
  return { height, bitrate };
}

/** A ladder as text, without bitrates that are the default; empty for none. */
export function printLadder({ rungs, audio, fields }: LiveLadder): string {
  const names = rungs.map(({ height, bitrate }) =>
    bitrate === defaultBitrate(height) ? `${height}p` : `${height}p:${printBitrate(bitrate)}`,
  );
  return [...names, ...(audio ? ['audio'] : []), ...(fields ? ['fields'] : [])].join(', ');
}

function printBitrate(bitrate: number): string {
  return bitrate % 100_000 === 0 ? `${bitrate / 1_000_000}M` : `${bitrate / 1000}k`;
}

/**
 * The quality of an export: the height of its pictures and perhaps a bit rate, or only the sound.
 * In: the text of a request, e.g. `720p:2M`. Out: a value; a refusal where the recording is smaller.
 */
import type { Exportable, ExportRequest } from '../../../delivery/export/export.ts';
import { segmentsOver } from '../../../delivery/past/past.ts';
import { OxbowError } from '../../../lib/errors.ts';

export interface PictureQuality {
  readonly kind: 'picture';
  /** Luma samples of the shorter side, even. */
  readonly height: number;
  /** Average, bits per second; undefined: a constant quality below the usual rate of the height. */
  readonly bitRate: number | undefined;
}

/** The target of an encoded export. */
export type ExportQuality = PictureQuality | { readonly kind: 'audio' };

const LEAST_HEIGHT = 16;
const MOST_HEIGHT = 4320;
const LEAST_BITS = 10_000;
const MOST_BITS = 200_000_000;
const UNITS: Readonly<Record<string, number>> = { k: 1000, M: 1_000_000 };

/**
 * Reads a quality.
 *
 * @param text `720p`, `720`, `720p:2M`, `audio`
 * @throws OxbowError `bad-request`
 */
export function parseQuality(text: string): ExportQuality {
  if (text === 'audio') return { kind: 'audio' };
  const [, digits = '', rate, unit = ''] = /^(\d{2,4})p?(?::(\d{1,9}(?:\.\d{1,6})?)([kM]?))?$/.exec(text) ?? [];
  const height = Number(digits);
  const bitRate = rate === undefined ? undefined : Math.round(Number(rate) * (UNITS[unit] ?? 1));
  const isHeight = height % 2 === 0 && height >= LEAST_HEIGHT && height <= MOST_HEIGHT;
  const isRate = bitRate === undefined || (bitRate >= LEAST_BITS && bitRate <= MOST_BITS);
  if (isHeight && isRate) return { kind: 'picture', height, bitRate };
  throw new OxbowError('bad-request', `"${text}" is not a quality.`, {
    extra: { hint: 'Write an even height such as 720p, a height with a bit rate such as 720p:2M, or audio.' },
  });
}

/**
 * Checks that the recording has what a quality needs.
 *
 * @throws OxbowError `bad-request` if its pictures are smaller, or it has no pictures or no sound; as
 *   `segmentsOver`
 */
export async function checkQuality(
  stream: Exportable,
  { ranges }: Pick<ExportRequest, 'ranges'>,
  quality: ExportQuality,
): Promise<void> {
  let largest = 0;
  let hasSound = false;
  for (const range of ranges) {
    for (const { init } of await segmentsOver(stream, range)) {
      for (const { kind, config } of init?.tracks ?? []) {
        if (kind === 'video') largest = Math.max(largest, Math.min(config.width, config.height));
        hasSound ||= kind === 'audio';
      }
    }
  }
  if (quality.kind === 'audio') {
    if (!hasSound) throw new OxbowError('bad-request', `The recording of ${stream.name} has no sound there.`);
    return;
  }
  if (largest === 0) throw new OxbowError('bad-request', `The recording of ${stream.name} has no pictures there.`);
  if (quality.height > largest) {
    throw new OxbowError(
      'bad-request',
      `${quality.height}p is larger than the recording of ${stream.name}, which has ${largest}p there.`,
      { extra: { hint: `Nothing is scaled up: request ${largest}p or less, or leave the quality out.` } },
    );
  }
}

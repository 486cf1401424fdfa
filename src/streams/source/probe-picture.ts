/**
 * A small picture of a source: the one of the page, otherwise the first key frame.
 * In: the address of a picture, a key frame. Out: a data: URL. A probe succeeds without a picture too.
 */

import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { printInit } from '@oxbow/media/isobmff/init';
import { mpeg2Stream } from '@oxbow/media/mpeg2/sequence';
import { makeStill } from '../../ffmpeg/engine.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import type { KeyFrame } from './probe-input.ts';

const MAX_BYTES = 1024 * 1024;
const DEADLINE_MS = 5000;
/** Of a picture that FFmpeg creates, pixels. */
const WIDTH = 640;

/**
 * @param thumbnail address of the page's picture; must not be private
 * @returns undefined if there is none
 */
export async function pictureOf(
  thumbnail: string | undefined,
  keyFrame: KeyFrame | undefined,
  net: Net,
  { signal }: { signal: AbortSignal },
): Promise<string | undefined> {
  try {
    const picture = thumbnail === undefined ? undefined : await fetchPicture(thumbnail, net, signal);
    if (picture !== undefined) return picture;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof OxbowError)) throw error;
  }
  if (!keyFrame) return undefined;
  try {
    return dataUrl('image/jpeg', await makeStill({ bytes: fileOf(keyFrame), width: WIDTH }, { signal }));
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof OxbowError)) throw error;
    return undefined;
  }
}

async function fetchPicture(url: string, net: Net, signal: AbortSignal): Promise<string | undefined> {
  using reply = await net.fetch(url, { signal, maxBytes: MAX_BYTES, deadlineMs: DEADLINE_MS, idleMs: DEADLINE_MS });
  if (reply.status !== 200) return undefined;
  const bytes = await reply.body();
  const type = pictureType(bytes);
  return type && dataUrl(type, bytes);
}

/** The media type by the first bytes; others, such as SVG, are rejected. */
function pictureType(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  if (start.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (start.startsWith('\x89PNG\r\n')) return 'image/png';
  return /^RIFF.{4}WEBP/s.test(start) ? 'image/webp' : undefined;
}

/** An MP4 file with one sample; MPEG-2 as it is. */
function fileOf({ track, frame }: KeyFrame): Uint8Array {
  if (track.config.codec === 'mpeg2') return mpeg2Stream(frame.data);
  const init = printInit([track]);
  const first = { ...frame, pts: frame.pts - frame.dts, dts: 0, duration: Math.max(1, frame.duration) };
  const bytes = new Uint8Array(init.length + fragmentLength([first]));
  bytes.set(init);
  printFragment(bytes, init.length, { sequence: 1, trackId: track.id, tfdt: 0, frames: [first] });
  return bytes;
}

function dataUrl(type: string, bytes: Uint8Array): string {
  return `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;
}

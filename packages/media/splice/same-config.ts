/**
 * Whether frames of one track can follow those of another without a new initialization section.
 * In: tracks of the same kind. Out: yes or no. Pure.
 */
import { sameColourInfo } from '../colour/colour-info.ts';
import type { Track } from '../frame.ts';

/**
 * Compares what decoders are initialized with: codec, parameter sets, size, colours, sample rate and
 * channels.
 */
export function hasSameConfig(a: Track | undefined, b: Track | undefined): boolean {
  if (!a || !b) return a === b;
  if (a.kind !== b.kind || a.config.codec !== b.config.codec || a.config.codecs !== b.config.codecs) return false;
  if (a.kind === 'video' && b.kind === 'video') {
    if (a.config.width !== b.config.width || a.config.height !== b.config.height) return false;
    if (!sameColourInfo(a.config.colourInfo, b.config.colourInfo)) return false;
  }
  if (a.kind === 'audio' && b.kind === 'audio') {
    if (a.config.sampleRate !== b.config.sampleRate || a.config.channels !== b.config.channels) return false;
  }
  const [left, right] = [a.config.record, b.config.record];
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}

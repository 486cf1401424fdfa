/**
 * What a worker reports of its machine, in words: encoders, processors, version.
 * In: facts, any JSON. Out: one line. Pure.
 */

import type { EncoderView } from '../../../src/api/workers/encoder-shapes.ts';

/** A hardware encoder that a worker reports. */
type Encoder = Pick<EncoderView, 'name' | 'device' | 'speed' | 'used' | 'sessions' | 'state'>;

/**
 * The known facts; empty if there are none.
 *
 * @param encoders as `h264_nvenc nvidia0 410/s 1/3`: pictures of 720p in a second, sessions; `!`: it failed
 */
export function workerFacts(facts: Readonly<Record<string, unknown>>, encoders: readonly Encoder[] = []): string {
  const measured = encoders.map(
    ({ name, device, speed, used, sessions, state }) =>
      `${name} ${device} ${Math.round(speed)}/s ${used}/${sessions}${state === 'failed' ? ' !' : ''}`,
  );
  const parts = [
    measured.join(', ') || encodersIn(facts.encoders),
    cpusIn(facts.cpus ?? facts.processors),
    textOf(facts.version),
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

function encodersIn(value: unknown): string {
  if (!Array.isArray(value)) return '';
  return value
    .map((each) => textOf(each) || textOf((each as { readonly name?: unknown } | null)?.name))
    .filter((each) => each !== '')
    .join(', ');
}

const cpusIn = (value: unknown) => (typeof value === 'number' ? `${value} CPU` : '');
const textOf = (value: unknown) => (typeof value === 'string' ? value : '');

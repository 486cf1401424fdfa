/**
 * The tone of the test picture: 1 kHz in the first 100 ms of each UTC second, silence otherwise.
 * In: number of a sample since 1970. Out: samples. Pure.
 */
import { testTimescales } from '../test-picture-options.ts';
import { FLASH_MS } from './picture.ts';

const RATE = testTimescales.audio;
const TONE_SAMPLES = (RATE * FLASH_MS) / 1000;
const LEVEL = 0.4;
/** Fade at the end, so that only the start is sharp. */
const FADE_SAMPLES = 96;

const table = Float32Array.from({ length: TONE_SAMPLES }, (_, i) => {
  const fade = Math.min(1, (TONE_SAMPLES - i) / FADE_SAMPLES);
  return LEVEL * fade * Math.sin((2 * Math.PI * 1000 * i) / RATE);
});

/**
 * Fills `samples`, starting with sample number `first`.
 *
 * @param first number of the first sample, 48,000 a second since 1970
 * @param samples one channel, -1 to 1
 * @returns whether any of it is sound
 */
export function fillTone(first: number, samples: Float32Array): boolean {
  let at = first % RATE;
  let sound = false;
  for (let i = 0; i < samples.length; i++) {
    samples[i] = at < TONE_SAMPLES ? table[at]! : 0;
    sound ||= at < TONE_SAMPLES;
    at = at + 1 === RATE ? 0 : at + 1;
  }
  return sound;
}

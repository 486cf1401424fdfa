/**
 * Synthetic sound for tests: syllables, a beat, a hum, noise.
 * In: a seed, lengths. Out: samples. Pure; used by tests only.
 */
import { seeded } from '../random.fixture.ts';

/** Hz. */
export const SOUND_RATE = 8000;

/** Numbers of a standard normal distribution. */
export function normals(seed: number): () => number {
  const random = seeded(seed);
  const uniform = () => (random(2 ** 32) + 0.5) / 2 ** 32;
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Syllables of random length and loudness with pauses, of noise and tones. @param seconds of sound */
export function speech(seed: number, seconds: number): Float32Array {
  const random = seeded(seed);
  const normal = normals(seed + 1);
  const samples = new Float32Array(seconds * SOUND_RATE);
  for (let at = 0; at < samples.length; ) {
    const length = (0.06 + random(1000) / 4000) * SOUND_RATE;
    const loudness = 0.05 + random(1000) / 2500;
    const tone = 120 + random(900);
    for (let i = 0; i < length && at + i < samples.length; i++) {
      const shape = Math.sin((Math.PI * i) / length);
      const sound = 0.5 * normal() + Math.sin((2 * Math.PI * tone * i) / SOUND_RATE);
      samples[Math.floor(at) + i] = loudness * shape * sound * 0.6;
    }
    at = Math.floor(at + length + (random(10) < 2 ? random(6000) : random(500)));
  }
  return samples;
}

/** Clicks at equal distances. */
export function beat(everyS: number, seconds: number): Float32Array {
  const every = Math.round(everyS * SOUND_RATE);
  return Float32Array.from({ length: seconds * SOUND_RATE }, (_, i) =>
    i % every < 400 ? 0.5 * Math.sin((2 * Math.PI * 600 * i) / SOUND_RATE) : 0,
  );
}

/** Adds noise. @param decibels by which the sound is louder than the noise */
export function withNoise(samples: Float32Array, decibels: number, seed: number): Float32Array {
  const normal = normals(seed);
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  const level = Math.sqrt(power / 10 ** (decibels / 10));
  return samples.map((sample) => sample + level * normal());
}

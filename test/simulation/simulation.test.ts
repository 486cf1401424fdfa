import { test } from 'node:test';
import { fuzzTimeline, INPUTS_PER_SEED } from './fuzz.fixture.ts';

const SEEDS = 200;

test(`${SEEDS} sources by chance: every frame once or in a listed gap, no seam in time, no number twice, legal lists`, () =>
  fuzzTimeline(0, SEEDS * INPUTS_PER_SEED));

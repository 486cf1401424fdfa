import { test } from 'node:test';
import { fuzzTimeline, INPUTS_PER_SEED } from './fuzz.fixture.ts';

const SEEDS = 200;

test(`${SEEDS} random sources: every frame once or in a listed gap, continuous time, no MSN twice, valid playlists`, () =>
  fuzzTimeline(0, SEEDS * INPUTS_PER_SEED));

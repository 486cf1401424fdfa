import { test } from 'node:test';
import { quickSeeds, simulateSeeds } from './seeds.ts';

test(`${quickSeeds.length} random sources: every frame once or in a listed gap, continuous time, no MSN twice, valid playlists`, () =>
  simulateSeeds(quickSeeds));

import { test } from 'node:test';
import { longSeeds, simulateSeeds } from './seeds.ts';

test(`${longSeeds.length} more random sources: every frame once or in a listed gap, continuous time, no MSN twice, valid playlists`, () =>
  simulateSeeds(longSeeds));

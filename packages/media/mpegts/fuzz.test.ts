import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  fuzzFrameMemory,
  fuzzLiveTransportStream,
  fuzzRandomPackets,
  fuzzSpliceTime,
  fuzzTransportStream,
} from './fuzz.fixture.ts';

test('2,000 harmed streams: no error but FormatError, times rise, nothing is larger than what came in', () => {
  const damaged = fuzzTransportStream(20_261, 2000);
  assert.ok(damaged > 1000, `only ${damaged} were damaged`);
});

test('2,000 harmed live feeds that are interrupted: the same holds', () => {
  const damaged = fuzzLiveTransportStream(20_262, 2000);
  assert.ok(damaged > 1000, `only ${damaged} were damaged`);
});

test('random bytes behind a sync byte are survived', () => {
  fuzzRandomPackets(7, 200);
});

test('2,000 scrambled splice_info_sections give a time of 33 bits or none', () => {
  fuzzSpliceTime(35, 2000);
});

test('600 harmed streams in segments: memory that is used again changes no frame', () => {
  const { given, kept } = fuzzFrameMemory(20_263, 600);
  assert.ok(given > 300 && kept > 20, `${given} gave it back, ${kept} did not`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { progressLines } from './wait-until-ready.ts';

test('each rendition has a line, with its progress or that it failed', () => {
  const rendition = (id: string, state: string, progress: number) => ({ id, state, progress });
  const renditions = [
    rendition('source', 'done', 0),
    rendition('v0-480', 'running', 0.5),
    rendition('a0', 'failed', 0.2),
  ];
  const [source, video, audio] = progressLines({ state: 'processing', renditions }).split('\n');
  assert.match(source!, /^original \[=+\] 100 %$/);
  assert.match(video!, /^480p {5}\[=+ +\] {2}50 %$/);
  assert.equal(audio, 'sound 1  failed');
  assert.equal(progressLines({ state: 'processing', renditions: [] }), 'processing…');
});

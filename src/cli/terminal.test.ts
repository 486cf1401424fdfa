import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import { OxbowError } from '../lib/errors.ts';
import { trackTable } from './probe.ts';
import { sayError, table } from './terminal.ts';

afterEach(() => mock.restoreAll());

function captured(error: unknown, withStack = false): { code: number; text: string } {
  let text = '';
  const write = mock.method(process.stderr, 'write', (piece: string) => {
    text += piece;
    return true;
  });
  const code = sayError(error, { withStack });
  write.mock.restore();
  return { code, text };
}

test('an error is one sentence and its hint; wrong usage has another exit code', () => {
  const taken = captured(new OxbowError('port-taken', 'Port 8080 is taken.'));
  assert.deepEqual(taken, {
    code: 1,
    text: 'oxbow: Port 8080 is taken.\n  Stop the other program, or choose another port.\n',
  });
  assert.equal(captured(new OxbowError('bad-name', 'x')).code, 2);
});

test('an error may have its own hint', () => {
  assert.match(
    captured(new OxbowError('port-taken', 'x', { extra: { hint: 'Use --http 8081.' } })).text,
    /^ {2}Use --http 8081\.$/m,
  );
});

test('a bug fails with its message, and prints the stack on request only', () => {
  const plain = captured(new Error('it broke'));
  assert.equal(plain.code, 1);
  assert.match(plain.text, /^oxbow: it broke\n {2}Set OXBOW_LOG_LEVEL=debug/);
  assert.match(captured(new Error('it broke'), true).text, /at .*terminal\.test\.ts/);
  assert.match(captured('thrown text').text, /^oxbow: thrown text/);
});

test('columns are aligned and lines have no trailing blanks', () => {
  assert.equal(
    table([
      ['a', 'bb', ''],
      ['ccc', 'd', 'e'],
    ]),
    'a    bb\nccc  d   e',
  );
  assert.equal(table([]), '');
});

test('the tracks of a probe are one per line', () => {
  const text = trackTable([
    { id: 1, kind: 'video', codecs: 'avc1.64001f', language: 'und', width: 1280, height: 720, frameRate: 29.97003 },
    { id: 2, kind: 'audio', codecs: 'mp4a.40.2', language: 'eng', sampleRate: 48_000, channels: 2 },
    { id: 3, kind: 'audio', codec: 'mp2', codecs: 'mp4a.6B', language: 'und', sampleRate: 48_000, channels: 1 },
  ]);
  assert.match(text, /^1 +video +avc1\.64001f +und +1280x720 29\.97 fps$/m);
  assert.match(text, /^3 +audio +mp4a\.6B +und +MP2 48000 Hz, 1 channels$/m);
  assert.match(text, /^2 +audio +mp4a\.40\.2 +eng +48000 Hz, 2 channels$/m);
});

test('a verb that was interrupted says so and ends with 130; a limit of time is an error', () => {
  const stopped = AbortSignal.abort(new DOMException('stopped', 'AbortError')).reason;
  assert.deepEqual(captured(stopped), { code: 130, text: 'oxbow: interrupted\n' });
  assert.equal(captured(AbortSignal.abort().reason, true).code, 130);
  assert.equal(captured(new DOMException('too late', 'TimeoutError')).code, 1);
});

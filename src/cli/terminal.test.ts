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

test('a refusal is one sentence and its hint; the exit code tells usage from failure', () => {
  const taken = captured(new OxbowError('port-taken', 'Port 8080 is taken.'));
  assert.deepEqual(taken, {
    code: 1,
    text: 'oxbow: Port 8080 is taken.\n  Stop the other program, or choose another port.\n',
  });
  assert.equal(captured(new OxbowError('bad-name', 'x')).code, 2);
});

test('a refusal may bring a hint of its own', () => {
  assert.match(
    captured(new OxbowError('port-taken', 'x', { extra: { hint: 'Use --http 8081.' } })).text,
    /^ {2}Use --http 8081\.$/m,
  );
});

test('our own mistake fails with its message, the stack only when asked for', () => {
  const plain = captured(new Error('it broke'));
  assert.equal(plain.code, 1);
  assert.match(plain.text, /^oxbow: it broke\n {2}Set OXBOW_LOG_LEVEL=debug/);
  assert.match(captured(new Error('it broke'), true).text, /at .*terminal\.test\.ts/);
  assert.match(captured('thrown text').text, /^oxbow: thrown text/);
});

test('columns line up and lines have no blanks at their end', () => {
  assert.equal(
    table([
      ['a', 'bb', ''],
      ['ccc', 'd', 'e'],
    ]),
    'a    bb\nccc  d   e',
  );
  assert.equal(table([]), '');
});

test('tracks of a probe are one a line, with what is known of each', () => {
  const text = trackTable([
    { id: 1, kind: 'video', codecs: 'avc1.64001f', language: 'und', width: 1280, height: 720, frameRate: 29.97003 },
    { id: 2, kind: 'audio', codecs: 'mp4a.40.2', language: 'eng', sampleRate: 48_000, channels: 2 },
  ]);
  assert.match(text, /^1 +video +avc1\.64001f +und +1280x720 29\.97 fps$/m);
  assert.match(text, /^2 +audio +mp4a\.40\.2 +eng +48000 Hz, 2 channels$/m);
});

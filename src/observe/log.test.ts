import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { suite, test } from 'node:test';
import { growth } from '../lib/growth.fixture.ts';
import { createLog, createSilentLog, type LogLevel, printTextLine } from './log.ts';
import { redact } from './redact.ts';

function collect(format: 'json' | 'text' | 'auto') {
  const lines: string[] = [];
  const levels: string[] = [];
  const log = createLog({
    level: 'debug',
    format,
    write: (line) => lines.push(line),
    onLine: (level) => levels.push(level),
  });
  return { lines, levels, log };
}

suite('the log', () => {
  test('JSON lines carry level, time in UTC, message and the fields of the child', () => {
    const { lines, log } = collect('auto');
    log.child({ stream: 'door', traceId: 'abc' }).info({ count: 2 }, 'connected');
    const { time, ...rest } = JSON.parse(lines[0]!);
    assert.deepEqual(rest, { level: 'info', stream: 'door', traceId: 'abc', count: 2, msg: 'connected' });
    assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  test('text lines are short, and an error shows its stack below', () => {
    const { lines, log } = collect('text');
    log.warn({ stream: 'door', why: 'no answer', at: { x: 1 } }, 'waiting');
    assert.match(lines[0]!, /^\d\d:\d\d:\d\d\.\d{3} WARN {2}waiting stream=door why="no answer" at=\{"x":1\}\n$/);
    log.error({ err: new Error('broken') }, 'failed');
    assert.match(lines[1]!, /ERROR failed\n {2}Error: broken\n {6}at /);
  });

  test('a line that is not of oxbow is shown unchanged', () => {
    assert.equal(printTextLine('plain words'), 'plain words');
  });

  test('lines are counted by level, silent levels are not', () => {
    const { levels, log } = collect('json');
    log.trace('hidden');
    log.debug('a');
    log.error('b');
    assert.deepEqual(levels, ['debug', 'error']);
    createSilentLog().error('hidden');
  });

  test('a level of settings may change at any time, for existing children too', () => {
    const lines: string[] = [];
    const levels: string[] = [];
    const settings: { now: { logLevel: LogLevel } } = { now: { logLevel: 'info' } };
    const onLine = (each: string) => levels.push(each);
    const log = createLog({ level: settings, write: (line) => lines.push(JSON.parse(line).msg), onLine });
    const child = log.child({ stream: 'door' });
    child.debug('a');
    settings.now = { logLevel: 'debug' };
    child.debug('b');
    settings.now = { logLevel: 'error' };
    child.warn('c');
    log.error('d');
    assert.deepEqual(lines, ['b', 'd']);
    assert.deepEqual(levels, ['debug', 'error']);
  });

  test('what a process logged before it ended is written', () => {
    const script = `
      import { createLog } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)};
      const log = createLog({ level: 'info' });
      log.info({ token: 'abc' }, 'hello');
      process.exit(0);`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
      encoding: 'utf8',
    });
    const line = JSON.parse(stdout);
    assert.deepEqual([line.msg, line.token], ['hello', '[redacted]']);
  });
});

suite('secrets never reach the log', () => {
  for (const [line, clean] of [
    ['{"authorization":"Bearer abc"}', '{"authorization":"[redacted]"}'],
    ['{"headers":{"Cookie":"a=\\"b\\""},"n":1}', '{"headers":{"Cookie":"[redacted]"},"n":1}'],
    [
      '{"token":"x","streamKey":"ok_1","key":"ok_2"}',
      '{"token":"[redacted]","streamKey":"[redacted]","key":"[redacted]"}',
    ],
    ['GET https://me:p@ss@cam.example:8443/a?b=c', 'GET https://[redacted]@cam.example:8443/a?b=c'],
    ['"url":"rtsp://admin:secret@10.0.0.1/s"', '"url":"rtsp://[redacted]@10.0.0.1/s"'],
    ['/live.m3u8?a=1&token=abc.def&b=2', '/live.m3u8?a=1&token=[redacted]&b=2'],
    ['rtmp://host/live/door?key=ok_123', 'rtmp://host/live/door?key=[redacted]'],
    ['sent Authorization: Bearer abc.def', 'sent Authorization: Bearer [redacted]'],
    ['GET /t/eyJhbGciOi/live/cam/index.m3u8', 'GET /t/[redacted]/live/cam/index.m3u8'],
    ['https://example.com/@someone/page', 'https://example.com/@someone/page'],
    ['{"msg":"key frame at 3","keyframe":"yes"}', '{"msg":"key frame at 3","keyframe":"yes"}'],
  ] as const) {
    test(`${clean.slice(0, 60)}`, () => assert.equal(redact(line), clean));
  }

  test('a secret inside an error or a nested object is found too, and JSON stays JSON', () => {
    const { lines, log } = collect('json');
    log.error(
      { err: new Error('cannot open https://u:p@host/x'), request: { headers: { authorization: 'Bearer q' } } },
      'no',
    );
    assert.ok(!/u:p|Bearer q/.test(lines[0]!));
    assert.equal(JSON.parse(lines[0]!).request.headers.authorization, '[redacted]');
  });

  test('long lines without secrets take linear time', () => {
    for (const piece of ['a', '://', '?key', '"key":"', '/t/', 'Bearer ', '\\"']) {
      const [short, long] = [piece.repeat(10_000), piece.repeat(160_000)];
      // Sixteen times as long: quadratic would be 256 times.
      const times = growth({ long: () => redact(long), short: () => redact(short) }, 100);
      assert.ok(times < 100, `${piece}: ${times.toFixed(0)} times`);
    }
  });
});

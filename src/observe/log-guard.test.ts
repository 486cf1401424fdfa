import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LogGuard, type LogLimits } from './log-guard.ts';

function guarded(limits: Partial<LogLimits> = {}) {
  const time = { nowMs: Date.UTC(2026, 0, 1) };
  const lines: { level: string; msg: string; stream?: string; repeated?: number; error?: string; code?: number }[] = [];
  const suppressed = { repeated: 0, budget: 0 };
  let bytes = 0;
  const guard = new LogGuard({
    nowMs: () => time.nowMs,
    write(line) {
      bytes += line.length;
      lines.push(JSON.parse(line));
    },
    onSuppressed: (reason) => suppressed[reason]++,
    limits,
  });
  const say = (fields: object, level = 'info') => guard.take(`${JSON.stringify({ level, ...fields })}\n`);
  return { guard, time, lines, suppressed, say, bytes: () => bytes };
}

suite('repeated lines', () => {
  test('are written once, and once more at the end with a count', () => {
    const { guard, say, lines, suppressed } = guarded();
    for (const error of ['a', 'b', 'c', 'd']) say({ stream: 'door', error, msg: 'no answer' });
    assert.equal(lines.length, 1);
    guard.flush();
    assert.deepEqual(lines[1], { level: 'info', stream: 'door', error: 'd', msg: 'no answer', repeated: 3 });
    assert.equal(suppressed.repeated, 3);
  });

  test('with another stream, level or text are different lines, and a later one starts a new period', () => {
    const { say, time, lines } = guarded();
    say({ stream: 'door', msg: 'no answer' });
    say({ stream: 'gate', msg: 'no answer' });
    say({ stream: 'door', msg: 'no answer' }, 'warn');
    say({ stream: 'door', msg: 'came back' });
    time.nowMs += 10_000;
    say({ stream: 'door', msg: 'no answer' });
    assert.equal(lines.length, 5);
  });

  test('of requests, of debugging and of no stream are each written', () => {
    const { say, lines } = guarded();
    for (const traceId of ['a', 'b']) say({ stream: 'door', traceId, msg: 'refused' });
    for (let i = 0; i < 2; i++) say({ stream: 'door', msg: 'looked' }, 'debug');
    for (let i = 0; i < 2; i++) say({ msg: 'settings were refused' }, 'error');
    assert.equal(lines.length, 6);
  });

  test('of clients that are refused over and over leave the budget of lines without a stream to others', () => {
    const limits = { dayBytes: 2000, reserveBytes: 2000, connectionLines: 3 };
    const { guard, say, lines, suppressed } = guarded(limits);
    for (let port = 1024; port < 2024; port++) {
      say({ remote: `192.0.2.1:${port}`, code: port, msg: 'an SRT caller was rejected' });
      say({ protocol: 'rtmp', remote: `192.0.2.1:${port}`, reason: 'bad', msg: 'an RTMP client was refused' });
    }
    say({ msg: 'settings changed' });
    assert.equal(lines.at(-1)!.msg, 'settings changed');
    // The first ones are there, each with its reason.
    assert.deepEqual(
      lines.flatMap(({ code }) => code ?? []),
      [1024, 1025, 1026],
    );
    guard.flush();
    assert.deepEqual(
      lines.slice(6).map(({ repeated }) => repeated),
      [undefined, 997, 997],
    );
    assert.equal(suppressed.budget, 0);
  });

  test('are remembered within bounds, and an evicted one is written with its count', () => {
    const { guard, say, lines } = guarded({ maxRemembered: 3 });
    for (let i = 0; i < 6; i++) for (let n = 0; n < 2; n++) say({ stream: 'door', msg: `line ${i}` });
    guard.flush();
    assert.equal(lines.length, 12);
  });
});

suite('a stream has a log budget per day', () => {
  const limits = { dayBytes: 2000, reserveBytes: 2000 };

  test('then only warnings and errors are written, with one line that says so, until the next day', () => {
    const { say, time, lines, suppressed } = guarded(limits);
    for (let i = 0; i < 100; i++) say({ stream: 'door', msg: `step ${i}` });
    const full = lines.filter(({ msg }) => msg.startsWith('the log of this day is full'));
    assert.equal(full.length, 1);
    assert.equal(suppressed.budget, 100 - (lines.length - 1));
    say({ stream: 'door', msg: 'broken' }, 'error');
    assert.equal(lines.at(-1)!.msg, 'broken');
    say({ stream: 'gate', msg: 'others continue' });
    assert.equal(lines.at(-1)!.msg, 'others continue');
    time.nowMs += 24 * 3600 * 1000;
    say({ stream: 'door', msg: 'a new day' });
    assert.equal(lines.at(-1)!.msg, 'a new day');
  });

  test('errors have a limit too', () => {
    const { say, lines, bytes } = guarded(limits);
    for (let i = 0; i < 1000; i++) say({ stream: 'door', msg: `broken ${i}` }, 'error');
    assert.ok(bytes() < 4500);
    assert.match(lines.at(-1)!.msg, /nothing more is written/);
  });

  test('a source that fails four times a second all day writes less than 100 MB, far less', () => {
    const { guard, say, time, bytes } = guarded();
    const address = `https://cam.example/live/${'x'.repeat(200)}/index.m3u8`;
    for (let second = 0; second < 3600; second++) {
      for (let i = 0; i < 4; i++) {
        say({ stream: 'door', url: address, error: `no answer from ${address}`, msg: 'the source failed' }, 'warn');
        say({ stream: 'door', url: address, msg: 'trying again' });
      }
      time.nowMs += 1000;
    }
    guard.flush();
    const dayBytes = bytes() * 24;
    assert.ok(dayBytes > 1e6 && dayBytes < 20e6, `${(dayBytes / 1e6).toFixed(1)} MB`);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSystemClock } from '../../lib/clock.ts';
import type { RunStart, StreamInput } from '../../live/input.ts';
import { runTestSource } from './test-source.ts';

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('a test source is one run on UTC; a killed process is a gap with cause crash and a new run; abort leaves no process', async () => {
  const said: string[] = [];
  const runs: RunStart[] = [];
  const pids: number[] = [];
  const stop = new AbortController();
  const beganMs = Date.now();
  const input: StreamInput = {
    startRun: (start) => {
      said.push('run');
      runs.push(start);
    },
    publish: (frame) => {
      if (said.at(-1) === 'run') {
        said.push('frames');
        const ptsMs = frame.pts / (frame.trackId === 1 ? 90 : 48);
        assert.ok(ptsMs > beganMs - 1000 && ptsMs < Date.now() + 1000, 'pts is UTC');
        if (runs.length === 1) process.kill(pids.at(-1)!, 'SIGKILL');
        else stop.abort();
      }
    },
    flush: () => assert.fail('a continuous source has no bursts'),
    absent: (cause, detail) => said.push(`${cause}: ${detail.slice(0, 35)}`),
    damage: (reason) => assert.fail(reason),
  };
  const log = { info: (fields: object) => pids.push((fields as { pid: number }).pid), warn: () => {} };
  const picture = { width: 320, height: 180 };
  await runTestSource({ name: 'demo', picture, input, clock: createSystemClock(), log }, { signal: stop.signal });

  assert.deepEqual(said, ['run', 'frames', 'crash: test picture: killed by SIGKILL', 'run', 'frames']);
  for (const run of runs) {
    assert.deepEqual([run.utcOffsetUs, run.clock, run.pace], [0, 'source', { kind: 'continuous' }]);
    assert.deepEqual(
      run.tracks.map((track) => track.kind),
      ['video', 'audio'],
    );
  }
  assert.equal(pids.length, 2);
  assert.deepEqual(pids.map(alive), [false, false]);
});

test('a process that cannot be started is a gap with a detail, and is retried until aborted', async () => {
  const said: string[] = [];
  const stop = new AbortController();
  const input: StreamInput = {
    startRun: () => assert.fail('no run'),
    publish: () => assert.fail('no frame'),
    flush: () => {},
    absent: (cause, detail) => {
      said.push(`${cause}: ${detail}`);
      if (said.length === 2) stop.abort();
    },
    damage: () => {},
  };
  const log = { info: () => {}, warn: () => {} };
  await runTestSource(
    { name: 'demo', picture: { width: 7 }, input, clock: createSystemClock(), log },
    { signal: stop.signal },
  );
  assert.equal(said.length, 2);
  assert.match(said[0]!, /^crash: test picture: Invalid options of the test picture/);
});

test('an error of the stream ends the source and is rethrown', async () => {
  const fail = () => {
    throw new RangeError('our bug');
  };
  const input: StreamInput = { startRun: fail, publish: () => {}, flush: () => {}, absent: () => {}, damage: () => {} };
  const setup = {
    name: 'demo',
    picture: {},
    input,
    clock: createSystemClock(),
    log: { info: () => {}, warn: () => {} },
  };
  await assert.rejects(runTestSource(setup, { signal: new AbortController().signal }), RangeError);
});

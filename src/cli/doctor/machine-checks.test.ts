import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Machine } from './machine.ts';
import { checkClock, checkHardware, checkKernel } from './machine-checks.ts';

/** A machine that has these files and no others. */
function machineOf(files: Readonly<Record<string, string>>): Machine {
  return {
    read: (path) => files[path],
    exists: (path) => path in files,
    list: (path) =>
      Object.keys(files)
        .filter((each) => each.startsWith(`${path}/`))
        .map((each) => each.slice(path.length + 1)),
  };
}

const NOW_MS = Date.UTC(2026, 10, 20);

test('low kernel settings and limits are warnings with a command', () => {
  const limits = (files: string) =>
    `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${files}  1048576  files\n`;
  const good = checkKernel(
    machineOf({
      '/proc/sys/net/ipv4/tcp_notsent_lowat': '131072\n',
      '/proc/sys/net/core/somaxconn': '4096\n',
      '/proc/self/limits': limits('unlimited'),
    }),
  );
  assert.deepEqual(
    good.map(({ name, state }) => [name, state]),
    [
      ['net.ipv4.tcp_notsent_lowat', 'ok'],
      ['net.core.somaxconn', 'ok'],
      ['open files', 'ok'],
    ],
  );
  const poor = checkKernel(
    machineOf({
      '/proc/sys/net/ipv4/tcp_notsent_lowat': '4294967295\n',
      '/proc/sys/net/core/somaxconn': '128\n',
      '/proc/self/limits': limits('1024'),
    }),
  );
  assert.deepEqual(
    poor.map(({ state, hint }) => [state, hint.replace(/ {2}#.*/, '')]),
    [
      ['warning', 'sudo sysctl -w net.ipv4.tcp_notsent_lowat=131072'],
      ['warning', 'sudo sysctl -w net.core.somaxconn=4096'],
      ['warning', 'ulimit -n 65536'],
    ],
  );
});

test('there are no findings about files that the system does not have', () => {
  assert.deepEqual(checkKernel(machineOf({})), []);
});

test('the clock check names the time service, or says that it is unknown; a clock that was never set fails', () => {
  const kept = checkClock(machineOf({ '/run/chrony/chronyd.pid': '7' }), NOW_MS, 'linux');
  assert.deepEqual([kept.state, kept.text], ['ok', '2026-11-20T00:00:00.000Z, synchronized by chrony']);
  assert.match(checkClock(machineOf({ '/run/systemd/timesync/synchronized': '' }), NOW_MS, 'linux').text, /timesyncd/);
  const alone = checkClock(machineOf({}), NOW_MS, 'linux');
  assert.equal(alone.state, 'warning');
  assert.match(alone.text, /unknown/);
  assert.match(alone.hint, /timedatectl set-ntp true/);
  assert.equal(checkClock(machineOf({}), NOW_MS, 'darwin').state, 'ok');
  assert.equal(checkClock(machineOf({}), 0, 'linux').state, 'failed');
});

test('the finding lists media hardware; missing permissions come with a command', () => {
  assert.equal(checkHardware(machineOf({}), () => true).text, 'none found; oxbow needs none');
  const machine = machineOf({
    '/dev/dri/card0': '',
    '/dev/dri/renderD128': '',
    '/proc/driver/nvidia/version': 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22\n',
  });
  const open = checkHardware(machine, () => true);
  assert.deepEqual([open.state, open.text], ['ok', '/dev/dri/renderD128, NVIDIA, driver 550.54.14']);
  const closed = checkHardware(machine, () => false);
  assert.equal(closed.state, 'warning');
  assert.match(closed.hint, /usermod -aG render/);
});

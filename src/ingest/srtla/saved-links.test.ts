import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { SavedGroup } from '@oxbow/wire/srtla/receiver';
import { createSilentLog } from '../../observe/log.ts';
import { BONDED_FILE } from '../../store/file-names.ts';
import { saveLinks, takeLinks } from './saved-links.ts';

const log = createSilentLog();
let folder = '';
let nowMs = 1_700_000_000_000;
const saving = { nowMs: () => nowMs, log };
const file = () => join(folder, BONDED_FILE);
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'oxbow-bonded-'));
});
after(() => rmSync(folder, { recursive: true }));

const group: SavedGroup = {
  id: Buffer.alloc(256, 7).toString('base64'),
  address: '2001:db8::7',
  port: 5000,
  links: [{ number: 16, address: '::ffff:192.0.2.7', port: 65_535 }],
};

test('groups are read once, by the server that starts next, and only their owner reads the file', () => {
  saveLinks(folder, [group], saving);
  assert.equal(statSync(file()).mode & 0o077, 0);
  assert.deepEqual(takeLinks(folder, saving), [group]);
  assert.equal(existsSync(file()), false);
  assert.deepEqual(takeLinks(folder, saving), []);
  saveLinks(folder, [], saving);
  assert.equal(existsSync(file()), false, 'without groups there is no file');
});

test('groups of a server that ended long ago are none, and the file is deleted', () => {
  for (const laterMs of [30_000, -30_000]) {
    saveLinks(folder, [group], saving);
    nowMs += laterMs;
    assert.deepEqual(takeLinks(folder, saving), []);
    assert.equal(existsSync(file()), false);
  }
});

test('what is not a group is left out, and a file that cannot be read is as none', () => {
  const link = group.links[0]!;
  const wrong = [
    null,
    7,
    { ...group, id: 'AAAA' },
    { ...group, address: 'example.org' },
    { ...group, port: 0 },
    { ...group, port: 1.5 },
    { ...group, links: undefined },
    { ...group, links: [null] },
    { ...group, links: [{ ...link, number: 17 }] },
    { ...group, links: [{ ...link, address: 7 }] },
    { ...group, links: Array.from({ length: 17 }, () => link) },
  ];
  writeFileSync(file(), JSON.stringify({ atMs: nowMs, groups: [...wrong, group] }));
  assert.deepEqual(takeLinks(folder, saving), [group]);
  for (const text of ['', '{', 'null', '[]', '{"atMs":"x","groups":[]}', `{"atMs":${nowMs},"groups":{}}`]) {
    writeFileSync(file(), text);
    assert.deepEqual(takeLinks(folder, saving), [], text);
  }
  assert.deepEqual(takeLinks(join(folder, 'nowhere'), saving), []);
  saveLinks(join(folder, 'nowhere'), [group], saving); // it is logged
});

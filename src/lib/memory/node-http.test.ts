import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const server = new URL('../../http/server.ts', import.meta.url);
const net = new URL('../../net/net.ts', import.meta.url);

test('neither the server nor the outgoing client loads undici', () => {
  const script = `
    for (const file of ${JSON.stringify([server.href, net.href])}) await import(file);
    const { moduleLoadList } = process;
    console.log(moduleLoadList.filter((name) => name.includes('undici')).join());`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(stdout.trim(), '', stderr);
});

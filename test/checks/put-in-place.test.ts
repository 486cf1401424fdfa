/*
 * A build of the interface takes the place of the one before in one step, also where two of them end at once.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

const script = pathToFileURL(join(import.meta.dirname, '..', '..', 'scripts', 'put-in-place.mjs')).href;

test('folders that are replaced at the same time by several processes leave one complete folder and no others', async () => {
  const root = await mkdtemp(join(tmpdir(), 'oxbow-place-'));
  try {
    const place = join(root, 'dist');
    const names = ['a', 'b', 'c'];
    const code = `
      import { cp } from 'node:fs/promises';
      const { putInPlace } = await import(process.argv[1]);
      const [from, place] = process.argv.slice(2);
      for (let i = 0; i < 30; i++) {
        await cp(from, \`\${from}.fresh\`, { recursive: true });
        await putInPlace(\`\${from}.fresh\`, place);
      }`;
    const children = await Promise.all(
      names.map(async (name) => {
        const made = join(root, name);
        await mkdir(made);
        for (const file of ['one', 'two']) await writeFile(join(made, file), name);
        const args = ['--input-type=module', '-e', code, script, made, place];
        return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
      }),
    );
    const ends = await Promise.all(children.map(async (child) => (await once(child, 'close'))[0]));
    assert.deepEqual(ends, [0, 0, 0]);
    assert.deepEqual((await readdir(root)).sort(), [...names, 'dist']);
    assert.deepEqual(await readdir(place), ['one', 'two']);
    assert.equal(await readFile(join(place, 'one'), 'utf8'), await readFile(join(place, 'two'), 'utf8'));
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

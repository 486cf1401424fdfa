import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { copyStaticFiles } from '../cdn/static-files.ts';
import type { AskedAnswer } from './ask-server.ts';
import { checkStaticFiles } from './static-files-check.ts';

test('what is wrong with the server of static files is said, with what to do', async () => {
  const root = await mkdtemp(join(tmpdir(), 'oxbow-static-'));
  try {
    const good: AskedAnswer = {
      status: 200,
      text: 'let a;',
      headers: { 'content-type': 'text/javascript; charset=utf-8', 'access-control-allow-origin': '*' },
    };
    const check = (answer: AskedAnswer | Error) =>
      checkStaticFiles('https://cdn.example', root, async (url) => {
        assert.equal(url, 'https://cdn.example/ui/index-Ab12Cd34.js');
        if (answer instanceof Error) throw answer;
        return answer;
      });
    await writeFile(join(root, 'index.html'), '<p>');
    assert.match((await check(good)).text, /not been built/);
    await writeFile(
      join(root, 'index.html'),
      '<script type="module" crossorigin src="/ui/index-Ab12Cd34.js"></script>',
    );
    await mkdir(join(root, 'ui'));
    await writeFile(join(root, 'ui', 'index-Ab12Cd34.js'), 'let a;');
    assert.deepEqual(
      [(await check(good)).state, (await check(good)).text],
      ['ok', 'https://cdn.example has the files of this version'],
    );
    for (const [answer, text] of [
      [new Error('it is away'), /cannot be reached: it is away/],
      [{ ...good, status: 404 }, /answers 404/],
      [{ ...good, text: 'let b;' }, /another file/],
      [{ ...good, headers: { ...good.headers, 'content-type': 'text/plain' } }, /comes as text\/plain/],
      [{ ...good, headers: { 'content-type': 'application/javascript' } }, /without Access-Control-Allow-Origin/],
    ] as const) {
      const finding = await check(answer);
      assert.deepEqual([finding.name, finding.state], ['static files', 'warning']);
      assert.match(finding.text, text);
      assert.notEqual(finding.hint, '');
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

test('files are copied without their compressed copies, next to those of earlier versions', async () => {
  const root = await mkdtemp(join(tmpdir(), 'oxbow-static-'));
  try {
    const [built, copy] = [join(root, 'dist'), join(root, 'copy')];
    await mkdir(join(built, 'ui'), { recursive: true });
    for (const name of ['a-1.js', 'a-1.js.br', 'a-1.js.gz', 'b-1.css']) await writeFile(join(built, 'ui', name), name);
    assert.equal(await copyStaticFiles(built, copy), 2);
    await rename(join(built, 'ui', 'a-1.js'), join(built, 'ui', 'a-2.js'));
    assert.equal(await copyStaticFiles(built, copy), 2);
    assert.deepEqual((await readdir(join(copy, 'ui'))).sort(), ['a-1.js', 'a-2.js', 'b-1.css']);
    await assert.rejects(copyStaticFiles(built, join(copy, 'ui', 'a-1.js')), { code: 'folder-unwritable' });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

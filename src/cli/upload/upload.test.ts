import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, mock, suite, test } from 'node:test';
import { runCommandLine } from '../program.ts';

suite('usage of oxbow upload', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oxbow-upload-usage-'));
    await writeFile(join(folder, 'film.mp4'), 'x');
    await writeFile(join(folder, 'empty.mp4'), '');
  });
  after(() => rm(folder, { recursive: true }));

  /** Exit code and stderr. */
  async function run(...args: string[]): Promise<{ code: number; said: string }> {
    let said = '';
    const write = mock.method(process.stderr, 'write', (text: string) => {
      said += text;
      return true;
    });
    try {
      return { code: await runCommandLine(['upload', ...args]), said };
    } finally {
      write.mock.restore();
    }
  }

  test('a wrong file or option ends with 2 before anything is sent', async () => {
    const film = join(folder, 'film.mp4');
    for (const [args, words] of [
      [[join(folder, 'empty.mp4')], /This file is empty/],
      [[join(folder, 'none.mp4')], /There is no file .*none\.mp4/],
      [[join(folder, 'empty.mp4'), join(folder, 'none.mp4')], /This file is empty[\s\S]*There is no file/],
      [[folder], /This is not a file/],
      [[film, film, '--title', 'x'], /--title is for one file/],
      [[film, '--visibility', 'all'], /"all" is not a visibility/],
      [[film, '--parallel', '99'], /1 to 16/],
      [[], /Missing required argument/],
    ] as const) {
      const { code, said } = await run(...args, '--server', 'http://127.0.0.1:1');
      assert.equal(code, 2, said);
      assert.match(said, words);
    }
  });

  test('files that cannot be sent do not hold back the others; the exit code says that some are missing', async () => {
    const sent: string[] = [];
    const server = createServer((request, response) => {
      sent.push(`${request.method} ${request.url}`);
      response.writeHead(403, { 'content-type': 'application/problem+json' });
      response.end('{"status":403,"code":"forbidden","title":"No","detail":"not today"}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const files = ['none.mp4', 'film.mp4', 'empty.mp4'].map((name) => join(folder, name));
      const { code, said } = await run(...files, '--server', `http://127.0.0.1:${port}`, '--token', 'secret');
      assert.match(said, /There is no file .*none\.mp4/);
      assert.match(said, /empty\.mp4: This file is empty/);
      assert.deepEqual(sent, ['POST /api/v1/upload/init']);
      assert.match(said, /film\.mp4:[\s\S]*not today/);
      assert.equal(code, 2);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  test('without an address and without a running oxbow it says where to look', async () => {
    const { code, said } = await run(join(folder, 'film.mp4'), '--data', folder);
    assert.equal(code, 1);
    assert.match(said, /No oxbow runs on the data folder/);
  });
});

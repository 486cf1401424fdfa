import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ProviderClient } from '../../src/features/rooms/providers/provider-client.ts';
import { webdav } from '../../src/features/rooms/providers/webdav.ts';
import type { OxbowError } from '../../src/lib/errors.ts';
import { createNet } from '../../src/net/net.ts';
import { davUser, startWebDav } from '../fixtures/library/web-dav.ts';
import { need } from '../fixtures/need.ts';
import { openFolder } from '../fixtures/server.ts';

suite('WebDAV of Apache', { skip: need('apache2') }, () => {
  test('lists folders and media, opens a film with its subtitles, and refuses a wrong password', async () => {
    await using folder = await openFolder('webdav');
    const files = join(folder.path, 'files');
    await mkdir(join(files, 'films & more'), { recursive: true });
    await mkdir(join(files, 'A #1'));
    for (const name of ['Ü 100%.mp4', 'Ü 100%.en.srt', 'Ü 100%.txt', 'b.txt']) {
      await writeFile(join(files, 'films & more', name), name);
    }
    await using server = await startWebDav(join(folder.path, 'apache'), files);
    await using net = createNet({ allow: ['127.0.0.0/8'] });
    const client = new ProviderClient(net, { signal: new AbortController().signal });

    const wrong = webdav.connect({ url: server.url, ...davUser, password: 'no' }, client);
    await assert.rejects(wrong, (error: OxbowError) => error.code === 'media-server-refused');
    const session = await webdav.connect({ url: `${server.url}/`, ...davUser }, client);

    const top = await webdav.list(session, '', undefined, client);
    assert.deepEqual(
      top.entries.map(({ name, isFolder }) => [name, isFolder]),
      [
        ['A #1', true],
        ['films & more', true],
      ],
    );
    const films = await webdav.list(session, top.entries[1]!.id, undefined, client);
    assert.deepEqual(
      films.entries.map(({ name, size }) => [name, size]),
      [['Ü 100%.mp4', Buffer.byteLength('Ü 100%.mp4')]],
    );
    const media = await webdav.open(session, films.entries[0]!.id, client);
    assert.deepEqual(
      media.subtitles.map(({ name }) => name),
      ['Ü 100%.en.srt'],
    );
    const answer = await fetch(media.url, { headers: { ...media.headers, range: 'bytes=3-5' } });
    assert.deepEqual([answer.status, await answer.text()], [206, '100']);
    const below = { ...session, url: `${server.url}/films%20&%20more` };
    for (const path of ['../x', '//evil.example/x', 'http://evil.example/']) {
      await assert.rejects(webdav.open(below, path, client), (error: OxbowError) => error.code === 'bad-request', path);
    }
  });
});

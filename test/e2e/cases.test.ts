/**
 * A case on the real program: two streams, legal holds, an archive that other programs read, and its end.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { CaseExport, CaseView } from '../../src/api/cases/case-shapes.ts';
import type { HoldView } from '../../src/api/deletions/deletion-shapes.ts';
import { ZipWriter } from '../../src/delivery/export/zip-writer.ts';
import type { CaseDocument } from '../../src/features/cases/archive/case-document.ts';
import { newestStretch } from '../browser/stretch.ts';
import { probe } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, runOxbow, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const run = promisify(execFile);
const shaOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const adminToken = 'an-administrator';

suite('a case', { skip: need('ffprobe') || need('python3') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let http: string;
  let made: CaseView;
  let etag: string;
  /** Ms since 1970. */
  let span: { fromMs: number; toMs: number };
  const start = () =>
    startServer({ data: join(folder.path, 'data'), adminToken, args: smallPicture, ...(http && { http }) });
  const send = async <T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => {
    const type = { 'content-type': 'application/json', ...headers };
    const answer = await server.fetch(`/api/v1${path}`, {
      method,
      headers: body === undefined ? headers : type,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, etag: answer.headers.get('etag'), view: (text ? JSON.parse(text) : {}) as T };
  };
  const iso = (ms: number) => new Date(ms).toISOString();

  before(async () => {
    folder = opened.use(await openFolder('cases'));
    server = await start();
    opened.defer(() => server[Symbol.asyncDispose]());
    http = new URL(server.url).host;
    const { status } = await send('POST', '/streams', { name: 'cam', source: { type: 'test' } });
    assert.equal(status, 201);
    const [one, two] = [await newestStretch(server, 12), await newestStretch(server, 12, 'cam')];
    span = { fromMs: Math.max(one.fromMs, two.fromMs) + 1000, toMs: Math.min(one.toMs, two.toMs) - 1000 };
  });
  after(() => opened.disposeAsync());

  test('is opened, gets ranges of two streams under a legal hold, notes and markers', async () => {
    const created = await send<CaseView>('POST', '/cases', { title: 'Door 4711', description: 'Why was it open?' });
    assert.equal(created.status, 201, JSON.stringify(created.view));
    const { id } = created.view;
    const { fromMs, toMs } = span;
    const add = (stream: string, from: number, to: number, title: string) =>
      send<CaseView>('POST', `/cases/${id}/ranges`, { stream, from: iso(from), to: iso(to), title });
    assert.equal((await add('demo', fromMs, fromMs + 5000, 'hall')).status, 201);
    assert.equal((await add('cam', fromMs + 2000, toMs, '')).status, 201);
    const nothing = await send('POST', `/cases/${id}/ranges`, { stream: 'cam', from: '1000000000', to: '10s' });
    assert.deepEqual([nothing.status, nothing.view.code], [404, 'no-media']);
    await send('POST', `/cases/${id}/notes`, { text: 'Look at the </script> handle' });
    const marked = await send<CaseView>('POST', `/cases/${id}/notes`, { text: 'it opens', at: iso(fromMs + 3000) });
    assert.equal(marked.status, 201, JSON.stringify(marked.view));
    made = marked.view;
    etag = marked.etag!;
    assert.deepEqual(
      made.ranges.map(({ stream, isHeld, isErased, mayWatch }) => [stream, isHeld, isErased, mayWatch]),
      [
        ['demo', true, false, true],
        ['cam', true, false, true],
      ],
    );
    const { items } = (await send<{ items: HoldView[] }>('GET', '/holds')).view;
    assert.deepEqual(
      items.map(({ name, reason }) => [name, reason]),
      [
        ['Case: Door 4711', `case ${id}`],
        ['Case: Door 4711', `case ${id}`],
      ],
    );
  });

  test('refuses a change of another version, and the deletion of a held range', async () => {
    const patch = { title: 'Door 4712' };
    const stale = await send('PATCH', `/cases/${made.id}`, patch, { 'if-match': '"1"' });
    assert.deepEqual([stale.status, stale.view.code], [412, 'precondition-failed']);
    const fresh = await send<CaseView>('PATCH', `/cases/${made.id}`, patch, { 'if-match': etag });
    assert.deepEqual([fresh.status, fresh.view.title], [200, 'Door 4712']);
    const erased = await send('DELETE', `/streams/cam/recordings?from=${span.fromMs + 3000}&to=${span.fromMs + 4000}`);
    assert.deepEqual([erased.status, erased.view.code], [409, 'recording-held']);
    assert.equal((await send('DELETE', `/cases/${made.id}`)).view.code, 'case-open');
  });

  const exportCase = async (): Promise<CaseExport> => {
    const { status, view } = await send<CaseExport>('POST', `/cases/${made.id}/exports`);
    assert.equal(status, 202, JSON.stringify(view));
    return until('the archive is written', async () => {
      const { items } = (await send<{ items: CaseExport[] }>('GET', `/cases/${made.id}/exports`)).view;
      const found = items.find(({ id }) => id === view.id)!;
      assert.notEqual(found.state, 'failed', JSON.stringify(found.error));
      return found.state === 'done' && found;
    });
  };

  test('is exported as one archive that python reads, with media, sums and the document', async () => {
    const { result } = await exportCase();
    assert.deepEqual(result!.missing, []);
    const bytes = Buffer.from(await server.bytes(result!.url));
    assert.deepEqual([bytes.length, shaOf(bytes)], [result!.bytes, result!.sha256]);
    const part = await server.fetch(result!.url, { headers: { range: 'bytes=100-199' } });
    assert.deepEqual([part.status, Buffer.from(await part.arrayBuffer())], [206, bytes.subarray(100, 200)]);
    const zip = join(folder.path, 'case.zip');
    await writeFile(zip, bytes);
    const script =
      'import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; z.extractall(sys.argv[2])';
    await run('python3', ['-c', script, zip, join(folder.path, 'read')]);
    const [name] = await readdir(join(folder.path, 'read'));
    assert.match(name!, /^case-door-4712-\d{4}-\d\d-\d\d$/);
    const at = (path: string) => join(folder.path, 'read', name!, path);
    const document = JSON.parse(await readFile(at('case.json'), 'utf8')) as CaseDocument;
    assert.deepEqual([document.format, document.title, document.notes.length], ['oxbow-case', 'Door 4712', 2]);
    const sums = (await readFile(at('SHA256SUMS'), 'utf8')).trim().split('\n');
    assert.equal(sums.length, 4, 'two media files, the document, the page');
    for (const line of sums) {
      const [sum, path] = line.split('  ');
      assert.equal(shaOf(await readFile(at(path!))), sum, path);
    }
    for (const { media, from, to } of document.ranges) {
      const { durationS, streams } = await probe(at(media!.file));
      assert.equal(streams.length, 2);
      assert.ok(Math.abs(durationS - media!.seconds) < 0.1, `${durationS} s and ${media!.seconds} s`);
      assert.ok(Date.parse(media!.parts[0]!.from) <= Date.parse(from), 'from the key frame before it');
      assert.ok(Date.parse(media!.parts.at(-1)!.to) >= Date.parse(to));
    }
    const verified = await runOxbow([
      'verify',
      at(document.ranges[1]!.media!.file),
      '--data',
      join(folder.path, 'data'),
    ]);
    assert.deepEqual([verified.code, verified.stderr], [0, ''], verified.stdout);
    const page = await readFile(at('index.html'), 'utf8');
    assert.equal(page.split('</script>').length, 3, 'texts do not end the script');
    const lines = (await send<{ items: { action: string; request: string; name: string }[] }>('GET', '/audit')).view
      .items;
    const said = (action: string) => lines.find((line) => line.action === action);
    assert.match(said('exportedCase')!.request, new RegExp(`case ${made.id} "Door 4712": 2 ranges.*${result!.sha256}`));
    assert.equal(said('exportedCase')!.name, 'admin token');
    assert.match(said('downloadedCase')!.request, new RegExp(result!.sha256));
    assert.equal(lines.filter(({ action }) => action === 'downloadedCase').length, 1, 'parts are no downloads');
  });

  test('survives a restart; closing lifts its holds, then a deletion takes the archives too', async () => {
    await server[Symbol.asyncDispose]();
    server = await start();
    const again = (await send<CaseView>('GET', `/cases/${made.id}`)).view;
    assert.deepEqual(
      again.ranges.map(({ isHeld }) => isHeld),
      [true, true],
    );
    const closed = await send<CaseView>('POST', `/cases/${made.id}/close`);
    assert.deepEqual(
      [closed.status, closed.view.state, closed.view.ranges.map(({ isHeld }) => isHeld)],
      [200, 'closed', [false, false]],
    );
    assert.deepEqual((await send<{ items: HoldView[] }>('GET', '/holds')).view.items, []);
    const refused = await send('POST', `/cases/${made.id}/notes`, { text: 'late' });
    assert.deepEqual([refused.status, refused.view.code], [409, 'case-closed']);
    const range = made.ranges.find(({ stream }) => stream === 'cam')!;
    const erased = await send('DELETE', `/streams/cam/recordings?from=${range.from}&to=${range.to}`);
    assert.ok(erased.status < 300, JSON.stringify(erased.view));
    assert.equal((erased.view.exports as unknown[]).length, 1);
    const { items } = (await send<{ items: CaseExport[] }>('GET', `/cases/${made.id}/exports`)).view;
    assert.deepEqual(items, []);
    const erasedView = (await send<CaseView>('GET', `/cases/${made.id}`)).view;
    assert.deepEqual(
      erasedView.ranges.map(({ isErased }) => isErased),
      [false, true],
    );
    const { result } = await exportCase();
    assert.deepEqual(
      result!.missing.map(({ stream }) => stream),
      ['cam'],
      JSON.stringify(result),
    );
    assert.equal((await send('DELETE', `/cases/${made.id}`)).status, 204);
    assert.equal((await send('GET', `/cases/${made.id}`)).view.code, 'case-unknown');
    assert.deepEqual(await readdir(join(folder.path, 'data', 'cases')), []);
  });

  fullTest('an archive with files beyond 4 GiB is read by python', async () => {
    const path = join(folder.path, 'large.zip');
    await using file = await open(path, 'w');
    const block = new Uint8Array(64 * 2 ** 20);
    let at = 0;
    // Blocks of zeros are holes of the file.
    const write = async (bytes: Uint8Array) => {
      if (bytes !== block) await file.write(bytes, 0, bytes.length, at);
      at += bytes.length;
    };
    const zip = new ZipWriter(write, { nowMs: Date.now() });
    const blocks = 66;
    const large = await zip.add({
      name: 'large.mp4',
      expected: blocks * block.length,
      async content(writeBytes) {
        for (let i = 0; i < blocks; i++) await writeBytes(block);
      },
    });
    await zip.addBytes('behind.txt', Buffer.from('behind'));
    await zip.finish();
    assert.ok(large.length > 2 ** 32);
    const script =
      'import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print([(i.filename,i.file_size) for i in z.infolist()], z.read("behind.txt"))';
    const { stdout } = await run('python3', ['-c', script, path]);
    assert.equal(stdout.trim(), `[('large.mp4', ${large.length}), ('behind.txt', 6)] b'behind'`);
    const listed = await run('unzip', ['-l', path]).catch((error: NodeJS.ErrnoException) => error.code === 'ENOENT');
    if (listed !== true) assert.match((listed as { stdout: string }).stdout, new RegExp(`${large.length}`));
  });

  test('its verb lists cases, and saves an archive', async () => {
    const { view } = await send<CaseView>('POST', '/cases', { title: 'Verb' });
    const range = { stream: 'demo', from: iso(span.fromMs), to: '3s' };
    assert.equal((await send('POST', `/cases/${view.id}/ranges`, range)).status, 201);
    const data = ['--data', join(folder.path, 'data')];
    const listed = await runOxbow(['case', 'list', ...data]);
    assert.match(listed.stdout, new RegExp(`${view.id}  open +1 .*Verb`));
    const path = join(folder.path, 'verb.zip');
    const said = await runOxbow(['case', 'export', view.id, '-o', path, '--json', ...data]);
    assert.equal(said.code, 0, said.stderr);
    const { sha256 } = JSON.parse(said.stdout) as { sha256: string };
    assert.equal(shaOf(await readFile(path)), sha256);
    assert.deepEqual((await send<{ items: CaseExport[] }>('GET', `/cases/${view.id}/exports`)).view.items, []);
    const again = await runOxbow(['case', 'export', view.id, '-o', path, ...data]);
    assert.match(again.stderr, /exists already/);
  });
});

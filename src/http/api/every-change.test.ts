import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { routes } from '../../app/routes.fixture.ts';
import { asAdmin, shareTestServer } from '../fixture.ts';
import { operationName } from './operation-name.ts';

/** Requests other than GET that are no lines of the audit log, each with its reason. */
const exceptions: Readonly<Record<string, string>> = {
  createWorkerClaim: 'a worker asks for work all the time; the job has its worker',
  heartbeatWorker: 'several a minute of each worker',
  replaceJobOutput: 'files of a job, whose creation is a line',
  resultJob: 'the end of a job: event job.done',
  failureJob: 'the end of a job: event job.failed',
  deleteJobLease: 'a worker gives a job back; the job stays',
  cmcd: 'several a minute of each player',
  createEdgeReport: 'twenty a minute of each edge',
  createTelevision: 'a code that no person has allowed yet gives nothing',
  createTelevisionsSession: 'twenty a minute of each television that waits; the approval is logged',
  replaceUploadsFile: 'the asset has its owner, and asset.created is an event',
  fileUploads: 'as replaceUploadsFile',
  replaceUploadChunk: 'parts of one upload, which asset.created reports',
  chunkUpload: 'as replaceUploadChunk',
  moveStreamCamera: 'one a second while someone moves a camera',
  stopStreamCamera: 'as moveStreamCamera',
  replaceVaultObject: 'about one a second of each server that keeps recordings here',
  deleteVaultObject: 'as replaceVaultObject',
  createVaultUpload: 'as replaceVaultObject',
  replaceVaultUpload: 'as replaceVaultObject',
  completeVaultUpload: 'as replaceVaultObject',
  deleteVaultUpload: 'as replaceVaultObject',
};

const pathOf = (path: string) => path.replace(/:name\b/g, 'door').replace(/:(\w+)/g, 'x1');

suite('the audit log of every change', () => {
  const shared = shareTestServer(() => ({}), { routes });
  const changing = routes.filter(({ method }) => method !== 'GET');

  test('the routes that leave none are those that are listed here, with a reason', () => {
    const routine = changing.filter(({ isRoutine }) => isRoutine).map((route) => operationName(route));
    assert.deepEqual(routine.sort(), Object.keys(exceptions).sort());
  });

  test('each other one leaves exactly one line: who, what, target, outcome, address and trace id', async () => {
    const { url, deps } = shared();
    let number = 0;
    for (const route of changing.filter(({ isRoutine }) => !isRoutine)) {
      const traceId = `${++number}`.padStart(32, 'a');
      const what = `${route.method} ${pathOf(route.path)}`;
      const response = await fetch(`${url}${pathOf(route.path)}?x=hidden`, {
        method: route.method,
        headers: {
          ...asAdmin,
          traceparent: `00-${traceId}-b7ad6b7169203331-01`,
          ...(route.method !== 'DELETE' && { 'content-type': 'application/json' }),
        },
        ...(route.method !== 'DELETE' && { body: '{}' }),
      });
      await response.body?.cancel();
      const lines = (await deps.access.audit.page({ limit: 1000 })).filter((line) => line.traceId === traceId);
      if (response.status === 429) continue; // a flood is not stored, whatever it wants
      assert.equal(lines.length, 1, `${what}: ${lines.length} lines after ${response.status}`);
      const [{ name, action, request, status, address }] = lines as [(typeof lines)[number]];
      assert.deepEqual(
        [name, action, request, status, address],
        ['admin token', operationName(route), what, response.status, '127.0.0.1'],
      );
    }
    assert.ok(number > 50);
  });

  test('administrators filter by target and time, and download lines of JSON', async () => {
    const { url } = shared();
    const get = async (query: string) => {
      const response = await fetch(`${url}/api/v1/audit?${query}`, { headers: asAdmin });
      return { response, text: await response.text() };
    };
    const all = (await get('format=jsonl')).text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.ok(all.length > 50);
    const first = await get('format=jsonl&limit=10');
    assert.equal(first.response.headers.get('content-type'), 'application/x-ndjson; charset=utf-8');
    assert.equal(first.text.trim().split('\n').length, 10);
    const next = await get(`format=jsonl&limit=10&cursor=${first.response.headers.get('oxbow-next-cursor')}`);
    assert.deepEqual(JSON.parse(next.text.split('\n')[0]!), all[10]);
    const door = JSON.parse((await get('target=/streams/door')).text).items as { request: string }[];
    assert.ok(door.length > 5 && door.every(({ request }) => request.includes('/streams/door')));
    const { items } = JSON.parse((await get('target=/api/v1/streams/door/')).text) as { items: { request: string }[] };
    assert.deepEqual(items, door);
    assert.deepEqual(JSON.parse((await get('target=/streams/doo')).text).items, [], 'another name');
    assert.equal((await get('target=door')).response.status, 400, 'no path');
    assert.deepEqual(JSON.parse((await get('to=2020-01-01T00:00:00Z')).text).items, []);
    assert.equal((await get('from=yesterday')).response.status, 400);
  });
});

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { makeCertificate } from '../../../test/fixtures/certificate.ts';
import { answerOf, type Http2Client, openHttp2 } from '../../../test/fixtures/http2.ts';
import { need } from '../../../test/fixtures/need.ts';
import { type Folder, openFolder } from '../../../test/fixtures/server.ts';
import { asAdmin, textReply } from '../../http/fixture.ts';
import { startNodes, streamsOf, type TestNodes } from './nodes.fixture.ts';

const forever = { cacheControl: 'public, max-age=31536000, immutable', etag: 'v1' };
const json = { 'content-type': 'application/json', ...asAdmin };
const alphabet = 'abcdefghijklmnopqrstuvwxyz';

suite('over HTTP/2', { skip: need('openssl') }, () => {
  const calls: string[] = [];
  let folder: Folder;
  let cluster: TestNodes;
  let client: Http2Client;
  before(async () => {
    folder = await openFolder('nodes');
    const tls = await makeCertificate(folder.path, 'one');
    const depsOf = (name: string) => ({
      ...streamsOf(name, name === 'one' ? ['b'] : ['cam'], calls),
      answer: () => textReply(alphabet, forever),
    });
    cluster = await startNodes(['one', 'two'], depsOf, tls);
    cluster.placements.give('stream', 'cam', 'two');
    client = await openHttp2(cluster.nodes[0]!.server.url);
  });
  after(async () => {
    await client?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** A request with a body. */
  async function send(method: string, path: string, body: object): Promise<string> {
    const bytes = Buffer.from(JSON.stringify(body));
    const length = { 'content-length': String(bytes.length) };
    const stream = client.session.request({ ':method': method, ':path': path, ...json, ...length });
    stream.end(bytes);
    const { status, body: text } = await answerOf(stream);
    return `${status} ${text}`;
  }

  test('media and the API of another node are answered as over HTTP/1.1', async () => {
    const media = await client.ask('/live/cam/v0/1.0.m4s', { range: 'bytes=1-2' });
    assert.deepEqual([media.status, String(media.body)], [206, 'bc']);
    assert.match(String((await client.ask('/api/v1/streams/cam')).body), /"name":"cam"/);
    const source = { source: { type: 'push' } };
    assert.match(await send('PUT', '/api/v1/streams/cam', source), /^200 /);
    assert.match(await send('POST', '/api/v1/streams', { name: 'cam', ...source }), /^409 /);
    assert.match(await send('POST', '/api/v1/streams', { name: 'new', ...source }), /^201 /);
    assert.deepEqual(calls, ['two replace cam', 'two create cam', 'one create new']);
  });
});

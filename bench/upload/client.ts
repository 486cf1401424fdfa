/**
 * Uploads files over tus, each with one PATCH, all at the same time, from a buffer that is sent again and
 * again.
 * In: address, admin token, bytes and number of files, as arguments. Out: a line with the seconds from the
 * first request to the last answer.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';

const [server = '', token = '', size = '0', count = '1'] = process.argv.slice(2);
const length = Number(size);
/** A free box of MP4, so that the content is not refused. */
const buffer = Buffer.alloc(1024 * 1024, 7);
buffer.set(Buffer.from('\0\0\0\x18ftypisom', 'latin1'));
const common = { 'tus-resumable': '1.0.0', authorization: `Bearer ${token}` };

async function upload(): Promise<void> {
  const create = request(`${server}/api/v1/uploads`, {
    method: 'POST',
    headers: { ...common, 'upload-length': length, 'content-length': 0 },
  });
  create.end();
  const [created] = await once(create, 'response');
  await text(created);
  const { location } = created.headers as { location: string };
  const patch = request(location, {
    method: 'PATCH',
    headers: {
      ...common,
      'upload-offset': 0,
      'content-type': 'application/offset+octet-stream',
      'content-length': length,
    },
  });
  const answered = once(patch, 'response');
  for (let left = length; left > 0; left -= buffer.length) {
    if (!patch.write(left < buffer.length ? buffer.subarray(0, left) : buffer)) await once(patch, 'drain');
  }
  patch.end();
  const [answer] = await answered;
  const said = await text(answer);
  if (answer.statusCode !== 204) throw new Error(`${answer.statusCode} ${said}`);
}

const startedMs = performance.now();
await Promise.all(Array.from({ length: Number(count) }, upload));
process.stdout.write(`${(performance.now() - startedMs) / 1000}\n`);

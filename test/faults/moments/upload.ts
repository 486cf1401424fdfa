/**
 * Uploads in pieces, over tus.
 * In: random bytes. Out: no byte that was acknowledged is missing after the next start, and the file is
 * complete in the end.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Server, startServer } from '../../fixtures/server.ts';
import { type Activity, filesBelow, hashOf } from './activity.ts';

const PIECE_BYTES = 300_000;
const file = randomBytes(20 * PIECE_BYTES + 12_345);
const tus = { 'tus-resumable': '1.0.0' } as const;

/** See above. */
export const uploading: Activity = {
  name: 'upload',
  steps: ['sql insert upload', 'datasync #/original.part', 'rename #/original'],
  async prepare() {
    return {
      async trial(folder) {
        const options = { data: join(folder, 'data'), adminToken: 'an-administrator' };
        /** What the server has answered. */
        let upload: { readonly path: string; readonly asset: string } | undefined;
        let acknowledged = 0;
        const create = async (server: Server) => {
          const headers = {
            ...tus,
            'upload-length': String(file.length),
            'upload-metadata': `sha256 ${btoa(hashOf(file))}`,
          };
          const created = await server.fetch('/api/v1/uploads', { method: 'POST', headers });
          assert.equal(created.status, 201);
          const path = new URL(created.headers.get('location')!).pathname;
          upload = { path, asset: created.headers.get('oxbow-asset')! };
          return upload;
        };
        const send = async (server: Server, path: string) => {
          while (acknowledged < file.length) {
            const answer = await server.fetch(path, {
              method: 'PATCH',
              body: file.subarray(acknowledged, acknowledged + PIECE_BYTES),
              headers: {
                ...tus,
                'content-type': 'application/offset+octet-stream',
                'upload-offset': String(acknowledged),
              },
            });
            assert.equal(answer.status, 204, await answer.text());
            acknowledged = Number(answer.headers.get('upload-offset'));
          }
        };
        return {
          async run(env, began) {
            await using server = await startServer({ ...options, env });
            began();
            await send(server, (await create(server)).path);
          },
          async check() {
            await using server = await startServer(options);
            if (upload) {
              const head = await server.fetch(upload.path, { method: 'HEAD', headers: tus });
              assert.equal(head.status, 200);
              const offset = Number(head.headers.get('upload-offset'));
              assert.ok(offset >= acknowledged, `${acknowledged} bytes were acknowledged, ${offset} are there`);
              acknowledged = offset;
            }
            const { path, asset } = upload ?? (await create(server));
            await send(server, path);
            const assets = join(options.data, 'assets');
            assert.equal(hashOf(await readFile(join(assets, asset, 'original'))), hashOf(file));
            const parts = (await filesBelow(assets)).filter((name) => name.endsWith('.part') && name.includes(asset));
            assert.deepEqual(parts, []);
          },
        };
      },
      async [Symbol.asyncDispose]() {},
    };
  },
};

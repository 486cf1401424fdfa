/**
 * Exports: jobs that write a file.
 * In: an imported recording. Out: each job ends by itself after the next start, its file has every picture,
 * and no other file is left.
 */
import assert from 'node:assert/strict';
import { cp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExportJob, JobView } from '../../../src/api/jobs/job-shapes.ts';
import { pictureHashes } from '../../fixtures/ffmpeg.ts';
import { contentOf } from '../../fixtures/foreign/recordings.ts';
import { type Server, startServer } from '../../fixtures/server.ts';
import { until } from '../../fixtures/wait.ts';
import type { Activity } from './activity.ts';
import { importCamera, timesUpTo } from './imported.ts';

const PIECES = 30;
const forms = [
  { format: 'mp4' },
  { format: 'mkv' },
  { format: 'ts' },
  { format: 'mp4', quality: '72p' },
] as const satisfies readonly { readonly format: string; readonly quality?: string }[];

/** Jobs when all of them have ended. */
async function endedJobs(server: Server): Promise<JobView[]> {
  return until('every job has ended', async () => {
    const { items } = await server.json<{ items: JobView[] }>('/api/v1/jobs');
    return items.every(({ state }) => state !== 'queued' && state !== 'running') && items;
  });
}

/** See above. */
export const exporting: Activity = {
  name: 'export',
  steps: ['open exports/#.mp4.part', 'sql update job', 'rename exports/#.ts'],
  async prepare(folder) {
    const times = timesUpTo(Date.now() - 3_600_000, PIECES, 2000);
    const made = join(folder, 'data');
    const { pictures: all } = await contentOf(await importCamera(folder, times, PIECES));
    const range = { stream: 'cam', from: String(times[0]), to: String(times.at(-1)! + 2000) };
    return {
      async trial(own, number) {
        const data = join(own, 'data');
        await cp(made, data, { recursive: true });
        const form = forms[number % forms.length]!;
        const options = { data, adminToken: 'an-administrator' };
        let answered: string | undefined;
        return {
          async run(env, began) {
            await using server = await startServer({ ...options, env });
            began();
            const answer = await server.fetch('/api/v1/exports', {
              method: 'POST',
              body: JSON.stringify({ ...range, ...form }),
              headers: { 'content-type': 'application/json' },
            });
            const { id } = (await answer.json()) as JobView;
            assert.equal(answer.status, 202);
            answered = id;
            await endedJobs(server);
          },
          async check() {
            await using server = await startServer(options);
            const jobs = await endedJobs(server);
            const ids = jobs.map(({ id }) => id);
            if (answered !== undefined) assert.deepEqual(ids, [answered]);
            assert.ok(ids.length <= 1, 'one was requested');
            const names = ids.map((id) => `${id}.${form.format}`);
            assert.deepEqual(await readdir(join(data, 'exports')).catch(() => []), names, 'no other file is left');
            for (const job of jobs as ExportJob[]) {
              assert.equal(job.state, 'done', JSON.stringify(job.error));
              const bytes = await server.bytes(job.result!.url!);
              assert.equal(bytes.length, job.result!.bytes);
              const file = join(own, `got.${form.format}`);
              await writeFile(file, bytes);
              const pictures = await pictureHashes(file);
              // Encoded pictures have the same distance: the last one is repeated where sound is longer.
              if ('quality' in form)
                assert.ok([0, 1].includes(pictures.length - all.length), `${pictures.length} pictures`);
              else assert.deepEqual(pictures, all);
            }
          },
        };
      },
      async [Symbol.asyncDispose]() {},
    };
  },
};

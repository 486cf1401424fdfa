/**
 * A stream that is recorded and watched.
 * In: the test picture; all trials have one data folder. Out: what was served has the same bytes, no number
 * is used twice, lists are valid.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TimelineView } from '../../../src/api/shapes.ts';
import { checkPresentation, printFindings } from '../../conformance/checker.ts';
import { openHttpFetch } from '../../conformance/http-fetch.ts';
import { PlaylistRecorder } from '../../fixtures/playlist-recorder.ts';
import { smallPicture, startServer } from '../../fixtures/server.ts';
import { assertCovered } from '../../fixtures/timeline.ts';
import { until } from '../../fixtures/wait.ts';
import type { Activity } from './activity.ts';

/** Segments of a second that a run makes. */
const SEGMENTS = 3;

/** See above. */
export const recording: Activity = {
  name: 'record',
  steps: ['datasync #/#.mp4', 'sql insert chunk_file'],
  async prepare(folder) {
    const settings = join(folder, 'oxbow.yaml');
    await writeFile(settings, 'hls: { segmentDuration: 1s }\nstreams: { cam: { source: { type: test } } }\n');
    const options = { data: join(folder, 'data'), args: ['--config', settings, ...smallPicture], sample: false };
    const recorder = new PlaylistRecorder(['cam']);
    const nowS = Math.floor(Date.now() / 1000);
    for (const id of ['av0', 'v0']) recorder.add(`/vod/cam/${nowS - 60}/${nowS + 3600}/${id}.m3u8`);
    let earlier: TimelineView['spans'] = [];
    return {
      async trial() {
        return {
          async run(env, began) {
            await using server = await startServer({ ...options, env });
            await using following = recorder.follow(server);
            await server.stream('cam');
            began();
            const first = recorder.liveMsns('cam').size;
            await until('segments were served', async () => {
              await server.stream('cam');
              return recorder.liveMsns('cam').size >= first + SEGMENTS;
            });
            following.over();
          },
          async check() {
            await using server = await startServer(options);
            await recorder.recheck(server, { killed: true });
            assert.deepEqual(recorder.problems, []);
            const timeline = await server.timeline('cam');
            assertCovered(timeline);
            for (const old of earlier) {
              const isKept = timeline.spans.some(({ from, to }) => from <= old.from && to >= old.to);
              assert.ok(isKept, `${old.from} to ${old.to} is in ${JSON.stringify(timeline.spans)}`);
            }
            earlier = timeline.spans;
            await server.stream('cam');
            using http = openHttpFetch(server.url);
            const findings = await checkPresentation(http.fetch, '/live/cam/index.m3u8');
            assert.equal(printFindings(findings.filter(({ severity }) => severity === 'must')), '');
          },
        };
      },
      async [Symbol.asyncDispose]() {},
    };
  },
};

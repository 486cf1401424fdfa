import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { runCommandLines } from '../fixtures/cli/command-lines.ts';
import { openOrigin } from '../fixtures/origin.ts';
import { openFolder, type Said } from '../fixtures/server.ts';

suite('errors of the command line have a hint', () => {
  test('record: media in a private network is refused, and --net-allow allows it', async () => {
    await using folder = await openFolder('refusals');
    await using origin = await openOrigin();
    const elsewhere = `http://127.0.0.2:${origin.port}`;
    const variant = '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.64001f"';
    origin.put('/master.m3u8', `#EXTM3U\n${variant}\n${elsewhere}/media.m3u8\n`);
    const entries = `#EXTINF:2,\n${elsewhere}/a.ts\n#EXTINF:2,\n${elsewhere}/b.ts`;
    origin.put('/media.m3u8', `#EXTM3U\n#EXT-X-TARGETDURATION:2\n${entries}\n#EXT-X-ENDLIST\n`);
    const record = (list: string, name = list) => [
      ...['record', `${origin.url}/${list}.m3u8`, '-o', join(folder.path, `${name}.mp4`)],
    ];
    const [master, media, allowed] = await runCommandLines([
      record('master'),
      record('media'),
      [...record('master', 'allowed'), '--net-allow', '127.0.0.0/8'],
    ]);
    for (const refused of [master!, media!]) {
      assert.equal(refused.code, 1, refused.stderr);
      assert.match(refused.stderr, /127\.0\.0\.2 is not a public address( \(1 try\))?\.\n.*--net-allow/);
      assert.doesNotMatch(refused.stderr, /H\.264/);
    }
    assert.match(allowed!.stderr, /127\.0\.0\.2:\d+ refuses connections/); // nothing listens there
  });

  const verbs = ['record', 'probe', 'serve'] as const;
  let answers: readonly Said[];
  before(async () => {
    await using folder = await openFolder('refusals');
    const output = { record: ['-o', join(folder.path, 'x.mp4')], probe: [], serve: ['--data', folder.path] };
    answers = await runCommandLines(
      verbs.map((verb) => [verb, 'http://127.0.0.1:9/live.m3u8', '--quality', 'purple', ...output[verb]]),
    );
  });

  for (const [i, verb] of verbs.entries()) {
    test(`${verb}: an unknown quality exits 2 and lists the available ones`, () => {
      const said = answers[i]!;
      assert.equal(said.code, 2, said.stderr);
      assert.match(said.stderr, /"purple" is not a quality/);
      assert.match(said.stderr, /best, worst, .*720p.*2M/);
      assert.doesNotMatch(said.stderr, /H\.264|config check/);
    });
  }
});

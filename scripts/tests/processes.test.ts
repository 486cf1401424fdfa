import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { root } from '../source-files.ts';
import { sharedProcesses } from './processes.ts';
import type { Weights } from './weights.ts';

/** Files that exist: their text is read. */
const [light, alsoLight] = ['src/lib/size.test.ts', 'src/lib/abort.test.ts'] as const;
const [endToEnd, longer] = ['test/e2e/upload.test.ts', 'test/e2e/rtmp.test.ts'] as const;
const measuring = 'src/recording/horizons.test.ts';

/** Each with its seconds of wall time, all of them on the CPU. */
const weigh = (of: Record<string, number>): Weights =>
  new Map(Object.entries(of).map(([file, seconds]) => [file, { wallS: seconds, cpuS: seconds }]));

suite('files that share a process', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'oxbow-processes-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  const filesOf = (files: readonly string[], weights: Weights, full?: ReadonlySet<string>) =>
    sharedProcesses(files, weights, { folder, ...(full && { full }) }).map((each) => each.files);

  test('are light ones of one kind; others are separate', () => {
    const weights = weigh({ [light]: 1, [alsoLight]: 2, [endToEnd]: 10, [longer]: 59 });
    const files = [light, endToEnd, alsoLight, longer];
    assert.deepEqual(filesOf(files, weights), [[longer], [light, alsoLight], [endToEnd]]);
  });

  test('are no more than their process may have', () => {
    const files = [light, alsoLight, 'src/lib/clock.test.ts', 'src/lib/events.test.ts'];
    const groups = filesOf(files, weigh(Object.fromEntries(files.map((file) => [file, 9]))));
    assert.deepEqual(groups, [files.slice(0, 2), files.slice(2)], '20 s of CPU have two files of 9 s');
  });

  test('are not those that run in full, and not those that measure their process', () => {
    const files = [light, measuring, alsoLight];
    const weights = weigh(Object.fromEntries(files.map((file) => [file, 1])));
    assert.deepEqual(filesOf(files, weights), [[measuring], [light, alsoLight]]);
    assert.deepEqual(filesOf(files, weights, new Set([light])), [[light], [measuring], [alsoLight]]);
  });

  test('keep what opens a browser apart from what makes network interfaces', () => {
    const weights = weigh({ [light]: 1, [alsoLight]: 1 });
    const changes = ['test/cluster/regions.test.ts', 'test/container/container.test.ts'];
    const browses = ['test/browser/watch.test.ts', 'test/e2e/tls.test.ts', 'test/mutations/mutations.test.ts'];
    const networks = sharedProcesses([light, ...browses, ...changes], weights, { folder });
    assert.deepEqual(
      networks.map(({ files: [file], network }) => [file!, network ?? '']).sort(),
      [...changes.map((file) => [file, 'changes']), ...browses.map((file) => [file, 'browses']), [light, '']].sort(),
    );
  });

  test('are separate suites, so that the hooks of one hold for its tests only', () => {
    const [shared] = sharedProcesses([light, alsoLight], weigh({ [light]: 1, [alsoLight]: 1 }), { folder });
    const text = readFileSync(shared!.entry, 'utf8');
    for (const file of [light, alsoLight]) {
      assert.ok(text.includes(`suite("${file}", () => import("file://`), text);
      assert.ok(text.includes(join(root, file)));
    }
  });
});

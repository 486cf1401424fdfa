import assert from 'node:assert/strict';
import { test } from 'node:test';
import { featuresPage } from '../../scripts/features.ts';

const docs = ['docs/3-publish/relay.md'];
const section = (files: readonly string[], name: string) =>
  featuresPage([...files, ...docs])
    .page.split(`## ${name}\n`)[1]!
    .split('\n## ')[0]!;

test('a feature lists its files by kind, and a folder where all of its files belong to it', () => {
  const text = section(
    [
      'src/features/relays/relay.ts',
      'src/features/relays/target.ts',
      'src/features/relays/target.test.ts',
      'src/features/alarms/feature.ts',
      'src/observe/relay-log.ts',
      'src/observe/log.ts',
      'src/api/relay/relay-shapes.ts',
      'src/api/type.ts',
      'test/e2e/relay.test.ts',
      'test/e2e/clips.test.ts',
    ],
    'Relays',
  );
  assert.match(text, /^- API: \[api\/relay\]\(\.\.\/src\/api\/relay\)$/m);
  assert.match(text, /^- module: \[features\/relays\]\(\.\.\/src\/features\/relays\)$/m);
  assert.match(text, /^- implementation: \[observe\/relay-log\.ts\]\(.*\)$/m);
  assert.match(text, /^- tests: \[e2e\/relay\.test\.ts\]\(\.\.\/test\/e2e\/relay\.test\.ts\)$/m);
  assert.match(text, /^- docs: \[publish\/relay\]\(3-publish\/relay\.md\)$/m);
  assert.doesNotMatch(text, /\/log\.ts|clips|target/);
});

test('a word matches a folder, a name or its beginning, and not what another word excludes', () => {
  const text = section(
    [
      'packages/wire/srt/link.ts',
      'src/config/srt-url.ts',
      'packages/media/subtitles/srt.ts',
      'packages/wire/udp.ts',
      'src/config/load.ts',
      'src/a/unsrt.ts',
    ],
    'SRT',
  );
  assert.match(text, /wire\/srt/);
  assert.match(text, /srt-url/);
  assert.doesNotMatch(text, /subtitles|unsrt/);
});

test('a feature without files, and a page of docs that is gone, are problems', () => {
  const { problems } = featuresPage([]);
  assert.ok(problems.includes('the feature Relays has no implementation'));
  assert.ok(problems.includes('the feature Relays names publish/relay, which is no page of docs'));
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Reply } from '../../delivery/reply.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { CaseCaller } from './case-access.ts';
import { ServedCases } from './served-cases.ts';

const caller = { principal: {}, by: { userId: 'ada', name: 'Ada', address: '', traceId: '' } } as CaseCaller;
const rangeOf = (stream: string) => ({ streamId: stream, stream, fromUs: 0, toUs: 1_000_000 });

/** A case with some ranges, and an archive of it with others; only `public` may be watched. */
function serve(inCase: readonly string[], inArchive: readonly string[]) {
  const lines: string[] = [];
  const reply = { etag: 'sum' } as Reply;
  const served = new ServedCases({
    cases: { find: async () => ({ title: 'A', ranges: inCase.map(rangeOf) }) },
    exports: { file: async () => reply, rangesOf: async () => inArchive.map(rangeOf) },
    access: { mayWatch: async (stream: string) => stream === 'public' },
    audit: { record: ({ action }: { readonly action: string }) => void lines.push(action) },
  } as unknown as ConstructorParameters<typeof ServedCases>[0]);
  return { served, lines };
}

suite('the download of an archive', () => {
  test('needs the right to watch each range in it, also those that were removed from the case', async () => {
    const { served, lines } = serve(['public'], ['public', 'private']);
    await assert.rejects(
      served.download('c', 'e', caller, undefined),
      (error: unknown) => error instanceof OxbowError && error.code === 'forbidden',
    );
    assert.deepEqual(lines, []);
  });

  test('does not need the right to watch a range that was added after the export', async () => {
    const { served, lines } = serve(['public', 'private'], ['public']);
    await served.download('c', 'e', caller, undefined);
    assert.deepEqual(lines, ['downloadedCase']);
  });
});

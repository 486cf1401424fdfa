import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { suite, test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { withDeadline } from '../../lib/abort.ts';
import { START_WITHIN_MS, untilClaimed } from './succession.ts';

const { signal } = new AbortController();
const never = new Promise<string>(() => {});

suite('the running process, while the new one starts', () => {
  test('waits as long as a busy machine may need', async () => {
    using time = openVirtualTime();
    using limit = withDeadline(START_WITHIN_MS, 'holding the port', { signal });
    const report = new PassThrough();
    const claimed = untilClaimed(report, never, limit);
    await time.runFor(90_000);
    report.end('claimed\n');
    await time.settled('the claim', claimed);
  });

  test('says of one that takes too long that it took too long, not that it ended', async () => {
    using time = openVirtualTime();
    using limit = withDeadline(START_WITHIN_MS, 'holding the port', { signal });
    const claimed = untilClaimed(new PassThrough(), never, limit);
    const refused = assert.rejects(claimed, /^TimeoutError: holding the port took longer than 120000 ms$/);
    await time.runFor(START_WITHIN_MS);
    await time.settled('the refusal', refused);
  });

  test('says of one that ended how it ended', async () => {
    using limit = withDeadline(START_WITHIN_MS, 'holding the port', { signal });
    const report = new PassThrough();
    const claimed = untilClaimed(report, Promise.resolve('with status 2'), limit);
    report.end('something else\n');
    await assert.rejects(claimed, /^Error: it ended before it held the port, with status 2$/);
  });
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkLive, checkPresentation, type Fetch, printFindings } from './checker.ts';
import {
  type ExampleState,
  exampleFiles,
  exampleLive,
  examplePart,
  listAnswer,
  mediaAnswer,
} from './harness/example-presentation.ts';

const FIRST_MSN = 100;
const refuse = (status: number) => ({ status, headers: {}, body: new Uint8Array() });

/** How an example server misbehaves. */
interface Faults {
  /** Blocking reloads are answered at once with what is there. */
  readonly hasty?: boolean;
  /** Every directive is answered by a list. */
  readonly generous?: boolean;
  /** Of a list, from its second reload on. */
  readonly later?: (text: string) => string;
  /** Of parts that were only hinted. */
  readonly hinted?: (bytes: Uint8Array) => Uint8Array;
  readonly delta?: (text: string) => string;
}

/** A low-latency origin without a clock: a request for what is yet to come makes it come. */
function exampleServer({ hasty, generous, later, hinted, delta }: Faults = {}): { fetch: Fetch; steps: () => number } {
  let state: ExampleState = { sealed: 12, open: 4, from: 0 };
  let steps = 0;
  const asked = new Map<string, number>();
  const advance = () => {
    steps += 1;
    const { sealed, open, from } = state;
    state = open === 9 ? { sealed: sealed + 1, open: 0, from } : { sealed, open: open + 1, from };
  };
  const isThere = (msn: number, part: number) => {
    const index = msn - FIRST_MSN;
    return index < state.sealed || (index === state.sealed && part < state.open);
  };
  const list = (name: string, query: URLSearchParams) => {
    const number = (key: string) => (query.has(key) ? Number(query.get(key)) : undefined);
    const [msn, part] = [number('_HLS_msn'), number('_HLS_part')];
    const edge = FIRST_MSN + state.sealed;
    const wrong = msn === undefined ? part !== undefined : msn > edge + 1 || (part ?? 0) > 400;
    if (wrong && !generous) return refuse(400);
    if (msn !== undefined && !hasty && !wrong) {
      // A part behind the last of its segment is the first of the next.
      const [index, wanted] = part !== undefined && part > 9 ? [msn + 1, 0] : [msn, part ?? 9];
      while (!isThere(index, wanted)) advance();
    }
    const count = (asked.get(name) ?? 0) + 1;
    asked.set(name, count);
    const skip = query.get('_HLS_skip') === 'YES';
    const text = exampleLive(name, state, { skip });
    if (skip && delta) return listAnswer(delta(text));
    return listAnswer(later && count > 1 ? later(text) : text);
  };
  const files = exampleFiles({ sealed: 40, open: 0, from: 0 });
  const fetch: Fetch = async (url) => {
    const [path, query] = url.split('?') as [string, string?];
    const media = /^\/example\/(v0|a0)\/(\d+)\.(\d+)\.m4s$/.exec(path);
    if (/g1\.m3u8$/.test(path)) return list(path.split('/')[2]!, new URLSearchParams(query));
    if (!media) return files.get(path) ?? refuse(404);
    const [msn, part] = [Number(media[2]), Number(media[3])];
    const bytes = examplePart(media[1]!, msn - FIRST_MSN, part);
    if (isThere(msn, part)) return mediaAnswer(bytes);
    while (!isThere(msn, part)) advance();
    return mediaAnswer(hinted ? hinted(bytes) : bytes);
  };
  return { fetch, steps: () => steps };
}

async function walk(faults: Faults): Promise<string[]> {
  const { fetch, steps } = exampleServer(faults);
  let rounds = 0;
  const goOn = () => steps() < 45 && rounds++ < 120;
  const findings = await checkLive(fetch, '/example/index.m3u8', { goOn, overHttp: true });
  const must = findings.filter(({ severity }) => severity === 'must');
  return [...new Set(must.map(({ rule }) => rule))].sort();
}

suite('walking a live presentation', () => {
  test('a correct origin has no findings over segments, deltas and hints', async () => {
    const { fetch, steps } = exampleServer();
    const seen: string[] = [];
    const recorded: Fetch = (url) => {
      seen.push(url);
      return fetch(url);
    };
    const findings = await checkLive(recorded, '/example/index.m3u8', { goOn: () => steps() < 45, overHttp: true });
    assert.equal(printFindings(findings.filter(({ severity }) => severity === 'must')), '');
    assert.ok(seen.some((url) => url.includes('_HLS_skip=YES')));
    assert.ok(
      seen.some((url) => /_HLS_msn=\d+$/.test(url)),
      'whole segments are awaited too',
    );
  });

  test('an origin that does not wait is found', async () => {
    assert.deepEqual(await walk({ hasty: true }), ['blocking-contains']);
  });

  test('an origin that refuses nothing is found', async () => {
    const found = await walk({ generous: true });
    assert.deepEqual(found, ['blocking-contains', 'part-needs-msn', 'too-far-refused']);
  });

  test('a playlist with changed content is found', async () => {
    const later = (text: string) => text.replace('#EXTINF:2.00000,\n105', '#EXTINF:1.99900,\n105');
    assert.deepEqual(await walk({ later }), ['reload-segment-kept']);
  });

  test('a hinted part with other bytes than it is listed with is found', async () => {
    const hinted = (bytes: Uint8Array) => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));
    assert.deepEqual(await walk({ hinted }), ['hint-same-bytes']);
  });

  test('a delta that leaves a segment out is found', async () => {
    const delta = (text: string) => text.replace(/#EXTINF.*\n\d+\.m4s\n/, '');
    const found = await walk({ delta });
    assert.ok(found.includes('delta-is-list'), found.join());
  });

  test('a segment that is listed and not served is found', async () => {
    const { fetch } = exampleServer();
    const holed: Fetch = async (url) => (url.endsWith('/105.m4s') ? refuse(404) : fetch(url));
    const findings = await checkPresentation(holed, '/example/index.m3u8', { still: true });
    const must = findings.filter(({ severity }) => severity === 'must');
    assert.deepEqual(
      must.map(({ rule, where }) => `${rule} ${where}`),
      ['listed-served /example/v0/105.m4s', 'listed-served /example/a0/105.m4s'],
    );
  });
});

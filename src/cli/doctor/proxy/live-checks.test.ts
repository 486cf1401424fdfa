import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../finding.ts';
import { checkCaching, checkLive } from './live-checks.ts';
import type { PublicAnswer, PublicServer } from './public-server.ts';

const FOREVER = 'public, max-age=31536000, immutable';
const { signal } = new AbortController();

/** The list while segment `msn` grows and has `parts` parts. */
function listOf(msn: number, parts: number): string {
  const listed = Array.from({ length: parts }, (_, i) => `#EXT-X-PART:DURATION=0.2,URI="${msn}.${i}.m4s"`);
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:10',
    '#EXT-X-TARGETDURATION:2',
    '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6',
    '#EXT-X-PART-INF:PART-TARGET=0.2',
    `#EXT-X-MEDIA-SEQUENCE:${msn - 1}`,
    '#EXT-X-MAP:URI="init-1.mp4"',
    '#EXTINF:2,',
    `${msn - 1}.m4s`,
    ...listed,
    `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${msn}.${parts}.m4s"`,
    '',
  ].join('\n');
}

/** Changes answers to some paths. */
type Fault = (path: string, answer: PublicAnswer) => PublicAnswer;

/** A public server with the stream `door`, in which segment 7 grows. */
function serverWith(fault: Fault = (_, answer) => answer): Pick<PublicServer, 'ask'> {
  const answerTo = (path: string): PublicAnswer => {
    const make = (text: string, control: string, ms: number) => ({
      status: 200,
      headers: { 'cache-control': control },
      text,
      ms,
    });
    if (path === '/live/door/index.m3u8') {
      const text = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nav0/g1.m3u8\n';
      return make(text, 'public, max-age=1', 5);
    }
    const [, msn, part] = /_HLS_msn=(\d+)(?:&_HLS_part=(\d+))?/.exec(path) ?? [];
    if (msn !== undefined) {
      const text = part === undefined ? listOf(Number(msn) + 1, 1) : listOf(Number(msn), Number(part) + 1);
      return make(text, 'public, max-age=12', part === undefined ? 1900 : 150);
    }
    if (path === '/live/door/av0/g1.m3u8') return make(listOf(7, 3), 'public, max-age=1', 5);
    if (path === '/live/door/av0/7.3.m4s' || path === '/live/door/av0/6.m4s') return make('media', FOREVER, 150);
    return { ...make('{}', 'no-store', 1), status: 404 };
  };
  return { ask: async (path) => fault(path, answerTo(path)) };
}

async function look(fault?: Fault, stream = 'door'): Promise<Map<string, Finding>> {
  const findings = await checkLive(serverWith(fault), stream, { signal });
  return new Map(findings.map((each) => [each.name, each]));
}

test('a stream that arrives unchanged has no problem', async () => {
  const found = await look();
  assert.deepEqual(
    [...found.values()].map(({ name, state, text }) => `${state} ${name}: ${text}`),
    [
      'ok live stream: door plays',
      'ok held reload: held for 1.9 s until segment 8 was whole; the next part took 150 ms',
      'ok parts: part 7.3 came 1750 ms before its segment was whole',
      'ok caching: Cache-Control arrives unchanged',
    ],
  );
});

test('a reload that is cut or ends with an error fails with timeouts as the hint', async () => {
  const cut = await look((path, answer) => {
    if (path.endsWith('_HLS_msn=8')) throw new Error('socket hang up');
    return answer;
  });
  assert.match(cut.get('held reload')!.text, /^it was cut after 0\.0 s: socket hang up/);
  assert.match(cut.get('held reload')!.hint, /120 s/);
  const late = await look((path, answer) => ({ ...answer, status: path.includes('_HLS_part') ? 504 : answer.status }));
  assert.match(late.get('held reload')!.text, /^it ended after 0\.[12] s with HTTP 504/);
});

test('a playlist of before fails with the cache key as the hint', async () => {
  const found = await look((path, answer) => ({ ...answer, text: path.includes('_HLS') ? listOf(7, 3) : answer.text }));
  assert.deepEqual(found.get('held reload')!.state, 'failed');
  assert.match(found.get('held reload')!.hint, /_HLS_msn/);
});

test('parts that come only with their segment fail', async () => {
  const found = await look((path, answer) => (path.endsWith('.3.m4s') ? { ...answer, ms: 1950 } : answer));
  assert.equal(found.get('parts')!.text, 'part 7.3 came 50 ms after its segment was whole');
  assert.equal(found.get('parts')!.state, 'failed');
  const refused = await look((path, answer) => (path.endsWith('.3.m4s') ? { ...answer, status: 404 } : answer));
  assert.equal(refused.get('parts')!.text, 'part 7.3 was answered with HTTP 404');
});

test('Cache-Control of each kind is compared; that of a private stream is not', async () => {
  const changed = await look((path, answer) =>
    path.endsWith('/6.m4s') ? { ...answer, headers: { 'cache-control': 'max-age=60' } } : answer,
  );
  assert.match(changed.get('caching')!.text, /^a segment has Cache-Control "max-age=60" instead of "public, max-age=3/);
  const kept = (control: string) => ({
    what: 'x',
    expected: 'public',
    answer: { headers: { 'cache-control': control } },
  });
  assert.equal(checkCaching([kept('private, max-age=1')] as never).state, 'ok');
});

test('a stream that is not live, or has no parts, is a warning; a playlist that is none fails', async () => {
  assert.match(
    (await look(undefined, 'attic')).get('live stream')!.text,
    /^attic is not played to the public now: HTTP 404/,
  );
  const whole = await look((_, answer) => ({ ...answer, text: answer.text.replace(/#EXT-X-PRELOAD.*\n/, '') }));
  assert.match(whole.get('live stream')!.text, /announces no part/);
  const broken = await look((path, answer) => (path.endsWith('g1.m3u8') ? { ...answer, text: '<html>' } : answer));
  assert.equal(broken.get('live stream')!.state, 'failed');
});

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { checkMediaPlaylist, printFindings } from '../conformance/checker.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, type Origin, openOrigin } from '../fixtures/origin.ts';
import { changesOf, PlaylistRecorder, type Shown, VSR_LIST } from '../fixtures/playlist-recorder.ts';
import { openFolder, type Server, startServer } from '../fixtures/server.ts';
import { type Listed, readListed, slidingList } from '../fixtures/sliding-list.ts';
import { until } from '../fixtures/wait.ts';

const names = ['made', 'pulled'] as const;
type Name = (typeof names)[number];
/** How each process ends; the last one ends in order, with the test. */
const ENDS = ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const;
/** An outage that is shorter than the source lingers, and longer than what it still offers behind it. */
const OUTAGE_MS = 5000;
const WINDOW_S = 600;

/** Of each kind; what is longer begins again. */
const SOURCE_SECONDS = 18;

/**
 * What the source sends: the same pictures in another size, with key frames further apart, with another
 * codec.
 */
const kinds = {
  first: { size: '128x72' },
  larger: { size: '160x90' },
  slower: { size: '160x90', segmentS: 3 },
  hevc: { size: '128x72', codec: 'hevc' },
} as const;
type Kind = keyof typeof kinds;

/** A live source at the speed of time, whose media the test changes as it goes. */
class ChangingSource {
  readonly #segments: Listed[] = [];
  readonly #media = new Map<Kind, Listed[]>();
  readonly #timer: NodeJS.Timeout;
  #kind: Kind = 'first';
  /** Segments of this kind so far. */
  #sent = 0;
  #isMissing = false;
  #dueMs = performance.now();

  private constructor(origin: Origin, media: ReadonlyMap<Kind, readonly Listed[]>) {
    for (const [kind, listed] of media) this.#media.set(kind, [...listed]);
    for (let i = 0; i < 3; i++) this.#next();
    const print = slidingList({
      segments: this.#segments,
      window: 3,
      released: () => this.#segments.length,
      ends: false,
    });
    origin.put('/live.m3u8', () => print().replace(/TARGETDURATION:\d+/, 'TARGETDURATION:2'));
    this.#dueMs = performance.now() + 1000;
    this.#timer = setInterval(() => {
      while (performance.now() >= this.#dueMs) this.#next();
    }, 50);
  }

  static async open(origin: Origin, folder: string): Promise<ChangingSource> {
    const all = Object.keys(kinds) as Kind[];
    await Promise.all(
      all.map((kind) => makeHls({ folder: join(folder, kind), seconds: SOURCE_SECONDS, ...kinds[kind] })),
    );
    const media = all.map(async (kind) => [kind, await readListed(join(folder, kind), `${kind}/`)] as const);
    return new ChangingSource(origin, new Map(await Promise.all(media)));
  }

  /** The next segment is of another kind, behind a DISCONTINUITY. */
  change(kind: Kind): void {
    this.#kind = kind;
    this.#sent = 0;
  }

  /** The next segment is listed, and not there. */
  miss(): void {
    this.#isMissing = true;
  }

  #next(): void {
    const media = this.#media.get(this.#kind)!;
    const at = this.#sent++ % media.length;
    const segment = media[at]!;
    const uri = this.#isMissing ? `missing/${segment.uri}` : segment.uri;
    this.#segments.push({ ...segment, uri, discontinuity: at === 0 && this.#segments.length > 0 });
    this.#isMissing = false;
    this.#dueMs += 1000 * segment.durationS;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

suite(`all playlists over ${ENDS.length + 1} processes, with gaps, changes and stops`, { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  const recorder = new PlaylistRecorder(names);
  let origin: Origin;
  let source: ChangingSource;
  let config: string;
  let data: string;
  /** Why media of the pulled stream is missing. */
  let causes: ReadonlySet<string>;

  before(async () => {
    const folder = opened.use(await openFolder('lists'));
    origin = opened.use(await openOrigin({ folder: folder.path }));
    source = opened.use(await ChangingSource.open(origin, folder.path));
    config = join(folder.path, 'oxbow.yaml');
    data = join(folder.path, 'data');
    await writeFile(
      config,
      [
        'hls: { segmentDuration: 1s, window: 10s }',
        'testPicture: { width: 160, height: 90 }',
        'streams:',
        '  made: { source: { type: test } }',
        `  pulled: { source: { type: pull, url: "${origin.url}/live.m3u8" } }`,
      ].join('\n'),
    );
    for (const [life, end] of [...ENDS, undefined].entries()) causes = await live(life, end);
  });
  after(() => opened.disposeAsync());

  /** One process, from its start to its end. */
  async function live(life: number, end: (typeof ENDS)[number] | undefined): Promise<Set<string>> {
    await using server = await startServer({ data, args: ['--config', config], adminToken: 'only-for-this-test' });
    if (life > 0) await recorder.recheck(server, { killed: ENDS[life - 1] === 'SIGKILL' });
    const nowS = Math.floor(Date.now() / 1000);
    const gridS = nowS - (nowS % WINDOW_S);
    for (const name of names) {
      // Of the grid; one that is over after a while, and reaches over the end of its process; and as MPEG-TS.
      for (const id of ['av0', 'a0', 'ts']) {
        recorder.add(`/vod/${name}/${gridS}/${gridS + WINDOW_S}/${id}.m3u8`);
        recorder.add(`/vod/${name}/${nowS}/20s/${id}.m3u8`);
      }
      recorder.add(`/vod/${name}/${nowS}/8s/av0.m3u8`);
    }
    recorder.add(VSR_LIST);
    recorder.add(`${VSR_LIST}?utc=${nowS}`);
    await using following = recorder.follow(server);
    await Promise.all(names.map((name) => server.stream(name)));
    for (const name of names) {
      const { windows } = await server.timeline(name);
      for (const { from, to, rev } of windows) recorder.add(`/vod/${name}/${from}/${to}/v${rev}/av0.m3u8`);
    }
    await chapters[life]!(server);
    const { gaps } = await server.timeline('pulled');
    following.over();
    if (end) await server.stop(end);
    return new Set(gaps.map(({ cause }) => cause));
  }

  /** What happens in each life. */
  const chapters = [
    async () => {
      await Promise.all([grown('made', 3), grown('pulled', 3)]);
      source.change('larger');
      await grown('pulled', 2);
      source.miss();
      await grown('pulled', 3);
      origin.fault('live.m3u8', { kind: 'status', status: 503 });
      const began = performance.now();
      await until('the outage has lasted', () => performance.now() - began > OUTAGE_MS);
      origin.heal('live.m3u8');
      await grown('pulled', 2);
      await changedList('slower');
    },
    async (server: Server) => {
      await Promise.all([grown('made', 3), grown('pulled', 2)]);
      await order(server, 'made', 'stop');
      await server.stream('made', 'over');
      await changedList('hevc');
      await order(server, 'made', 'start');
      await grown('made', 3);
    },
    () => Promise.all([grown('made', 2), grown('pulled', 2)]),
    () => Promise.all([grown('made', 2), grown('pulled', 2)]),
  ];

  /** Resolves when live lists have named that many segments more. */
  async function grown(name: Name, count: number): Promise<void> {
    const { size } = recorder.liveMsns(name);
    await until(`${name} has ${count} segments more`, () => recorder.liveMsns(name).size >= size + count);
  }

  /** Resolves when what the source sends has made another list necessary. */
  async function changedList(kind: Kind): Promise<void> {
    const count = () => recorder.paths('/live/pulled/av0/').length;
    const before = count();
    source.change(kind);
    await until(`${kind} has a list`, () => count() > before);
  }

  async function order(server: Server, name: Name, verb: 'start' | 'stop'): Promise<void> {
    const { status } = await server.fetch(`/api/v1/streams/${name}/${verb}`, { method: 'POST' });
    assert.equal(status, 202);
  }

  test('the recorder has gaps, changes, ended generations, and windows that grew and ended', () => {
    for (const cause of ['source-skipped', 'source-down']) assert.ok(causes.has(cause), [...causes].join(' '));
    for (const name of names) {
      // By number: a new one for each life, and for a stop or another codec.
      const generations = recorder.paths(`/live/${name}/av0/`).sort();
      assert.ok(generations.length > ENDS.length + 1, generations.join(' '));
      // One that two others followed at once may be gone before it is looked at again.
      const unended = generations.slice(0, -1).filter((path) => !recorder.newest(path).ended);
      assert.ok(unended.length <= 1, `${unended.join(' ')} have not ended`);
      const windows = recorder.paths(`/vod/${name}/`).map((path) => recorder.shown.get(path)!);
      const endsOf = (texts: readonly Shown[]) => new Set(texts.map(({ text }) => text.includes('#EXT-X-ENDLIST')));
      assert.ok(windows.filter((texts) => endsOf(texts).size === 2).length >= 4, 'windows grew, and were over');
      assert.ok(
        windows.some((texts) => new Set(texts.map(({ life }) => life)).size === ENDS.length + 1),
        'a window over all lives',
      );
    }
    const pulled = recorder.paths('/vod/pulled/').flatMap((path) => recorder.newest(path).segments);
    assert.ok(new Set(pulled.map(({ map }) => map)).size >= 3, 'other pictures have another init section');
  });

  test('no playlist removed or changed its content (RFC 8216bis 6.2.1, 6.2.2)', (context) => {
    const findings = [...recorder.shown].flatMap(([path, texts]) => changesOf(path, texts, ENDS));
    for (const [path, texts] of recorder.shown) context.diagnostic(`${path}: ${texts.length} texts`);
    assert.equal(printFindings(findings), '');
  });

  test('each version is valid', () => {
    const findings = [...recorder.shown].flatMap(([path, texts]) =>
      texts.flatMap(({ text }) => checkMediaPlaylist(path, text).filter(({ severity }) => severity === 'must')),
    );
    assert.equal(printFindings(findings), '');
  });

  test('the check finds a changed playlist', () => {
    const path = recorder.paths('/vod/made/').find((one) => recorder.shown.get(one)!.length > 4)!;
    const texts = recorder.shown.get(path)!;
    for (const [from, to] of [
      [/TARGETDURATION:\d+/, 'TARGETDURATION:1'],
      [/\d+\.(m4s|ts)\n/, '7.m4s\n'],
      [/MEDIA-SEQUENCE:\d+/, 'MEDIA-SEQUENCE:1'],
    ] as const) {
      const changed = texts.map((shown, i) => (i === 3 ? { ...shown, text: shown.text.replace(from, to) } : shown));
      assert.notEqual(changesOf(path, changed, ENDS).length, 0, String(from));
    }
  });

  test('all listed resources exist with unchanged bytes', (context) => {
    assert.deepEqual(recorder.problems, []);
    context.diagnostic(`${recorder.held} resources`);
  });
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { OxbowError } from '../lib/errors.ts';
import { type ConfigSources, loadConfig } from './load.ts';
import { vsrAliases } from './vsr.ts';
import type { SettingProblem } from './yaml-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'oxbow-config-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
function yaml(text: string): string {
  const file = join(folder, `${++files}.yaml`);
  writeFileSync(file, text);
  return file;
}

async function problemsOf(sources: ConfigSources): Promise<readonly SettingProblem[]> {
  const error = await loadConfig(sources).then(
    () => assert.fail('the settings were taken'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof OxbowError && error.code === 'bad-setting', String(error));
  return error.extra.problems as readonly SettingProblem[];
}

test('without sources every setting has its default, and ports their address', async () => {
  const { config, origins } = await loadConfig({});
  assert.equal(config.data, resolve('./oxbow-data'));
  assert.deepEqual(config.http, { address: '127.0.0.1', port: 8080 });
  assert.equal(config.record.keep, 86_400_000);
  assert.equal(config.record.maxDisk, undefined);
  assert.equal(config.hls.partDuration, 200);
  assert.deepEqual(config.live.linger, { push: 30_000, pull: 120_000 });
  assert.deepEqual(config.net.allow, []);
  assert.deepEqual(config.streams, {});
  assert.equal(config.adminToken, undefined);
  assert.deepEqual(config.rtmp, { address: '127.0.0.1', port: 1935 });
  assert.equal(config.rtmps, 'off');
  assert.ok([...origins.values()].every((origin) => origin === 'default'));
});

test('a flag wins over a variable, a variable over a file, a later file over an earlier one, and each value knows its origin', async () => {
  const first = yaml('record:\n  keep: 1h\n  maxDisk: 200G\nhls: { window: 1m }\nlogLevel: warn\n');
  const second = yaml('record: { keep: 2h }\n');
  const { config, origins, warnings } = await loadConfig({
    files: [first, second],
    env: { OXBOW_HLS_WINDOW: '2m', OXBOW_LOG_LEVEL: 'error', OXBOW_DATA: '' },
    flags: [{ path: 'logLevel', value: 'debug', origin: '--log-level' }],
  });
  assert.equal(config.record.keep, 7_200_000);
  assert.equal(config.record.maxDisk, 200 * 1024 ** 3);
  assert.equal(config.hls.window, 120_000);
  assert.equal(config.logLevel, 'debug');
  assert.equal(origins.get('record.keep'), `${second}:1`);
  assert.equal(origins.get('record.maxDisk'), `${first}:3`);
  assert.equal(origins.get('hls.window'), 'OXBOW_HLS_WINDOW');
  assert.equal(origins.get('logLevel'), '--log-level');
  assert.equal(origins.get('data'), 'default');
  assert.deepEqual(warnings, []);
});

test('an unknown key names the file, the line and the nearest key', async () => {
  const file = yaml('# my oxbow\nrecord:\n  keep: 1h\n  maxdisc: 3G\nstreems: {}\n');
  assert.deepEqual(await problemsOf({ files: [file] }), [
    { origin: `${file}:4:3`, message: 'There is no setting "record.maxdisc"; did you mean "record.maxDisk"?' },
    { origin: `${file}:5:1`, message: 'There is no setting "streems"; did you mean "streams"?' },
  ]);
});

test('all invalid values are reported together, each with its place and the valid form', async () => {
  const file = yaml(
    'record:\n  keep: soon\nhttp: 99999\nthreads: 40\nhls: { partDuration: 1ms }\ntestPicture: { width: 641, keyInterval: 1m }\n',
  );
  const problems = await problemsOf({
    files: [file],
    env: { OXBOW_RECORD_SYNC: 'always' },
    flags: [{ path: 'rtmp', value: 'on', origin: '--rtmp' }],
  });
  assert.deepEqual(
    problems.map(({ origin }) => origin.replace(file, 'file')),
    ['file:2:9', 'file:3:7', 'file:4:10', 'file:5:22', 'file:6:23', 'file:6:41', 'OXBOW_RECORD_SYNC', '--rtmp'],
  );
  assert.match(problems[0]!.message, /^record\.keep: "soon" is not a duration; write 90s/);
  assert.match(problems[1]!.message, /not a port/);
  assert.match(problems[2]!.message, /from 1 to 16; more threads only use more memory/);
  assert.match(problems[3]!.message, /shorter than 20ms/);
  assert.match(problems[4]!.message, /even number/);
  assert.match(problems[5]!.message, /longer than 10s/);
  assert.match(problems[6]!.message, /one of segment, chunk, off/);
  assert.match(problems[7]!.message, /not a port/);
});

test('invalid YAML, a list instead of settings, and a missing file are reported with their place', async () => {
  const broken = yaml('record: {keep: 1h\nhttp: 1\n');
  const list = yaml('- a\n- b\n');
  const missing = join(folder, 'none.yaml');
  const problems = await problemsOf({ files: [broken, list, missing] });
  assert.match(problems[0]!.origin, /\.yaml:\d+:\d+$/);
  assert.match(problems[0]!.message, /Not valid YAML/);
  assert.equal(
    problems.find(({ origin }) => origin.startsWith(list))!.message,
    'The file must hold settings, one "key: value" a line.',
  );
  assert.match(problems.find(({ origin }) => origin === missing)!.message, /cannot be read.*check --config/);
});

test('an empty file and an empty section change nothing', async () => {
  const { config } = await loadConfig({ files: [yaml(''), yaml('record:\nstreams:\n')] });
  assert.equal(config.record.keep, 86_400_000);
});

test('streams of a file are checked and have their settings', async () => {
  const file = yaml(`
streams:
  door:
    source: { type: pull, url: 'https://cam.example/live.m3u8', headers: { Referer: 'https://cam.example/' } }
    keep: 7d
  clock: { source: { type: test }, record: false, visibility: private, ladder: [720p:1M, 360p], recordQualities: true }
`);
  const { config, origins } = await loadConfig({ files: [file] });
  assert.deepEqual(config.streams, {
    door: {
      source: { type: 'pull', url: 'https://cam.example/live.m3u8', headers: { referer: 'https://cam.example/' } },
      title: '',
      description: '',
      record: true,
      keep: 604_800_000,
      visibility: 'public',
      visibilityIsSet: false,
      origin: 'configuration',
    },
    clock: {
      source: { type: 'test' },
      title: '',
      description: '',
      record: false,
      keep: undefined,
      visibility: 'private',
      visibilityIsSet: true,
      ladder: '360p, 720p:1M',
      recordQualities: true,
      origin: 'configuration',
    },
  });
  assert.equal(origins.get('streams.door'), `${file}:3`);
});

test('a stream without a URL, with a name or a key that does not exist, is refused with its line', async () => {
  const file = yaml(`streams:
  Door: { source: { type: test } }
  a: { source: { type: pull } }
  b: { source: { type: pull, url: 'rtmp://cam.example/1' } }
  c: { source: { type: push, url: 'https://x.example/' } }
  g: { source: { type: push, onSecondPublisher: share } }
  d: { source: { type: test }, keeep: 1h }
  e: { source: { type: test, url: 'https://x.example/' } }
  f: { source: { type: pull, url: 'https://x.example/', headers: { "X Y": 1 } } }
`);
  const problems = await problemsOf({ files: [file] });
  assert.deepEqual(
    problems.map(({ origin, message }) => [Number(origin.split(':').at(-2)), message.replace(/[;.]( .*|$)/, '')]),
    [
      [2, 'Invalid stream name "Door"'],
      [3, 'streams.a: a pull source needs a url'],
      [4, 'streams.b: "rtmp://cam.example/1" is not an http, https, rtsp, udp, srt or whep+https URL'],
      [5, 'streams.c: a push source has no url'],
      [6, 'streams.g.source.onSecondPublisher: "share" is not one of refuse, replace, standby'],
      [7, 'There is no setting "streams.d.keeep"'],
      [8, 'streams.e: a test source has no url'],
      [9, 'streams.f.source.headers: "X Y" is not a header name'],
    ],
  );
});

test('on an address that is reachable from other computers, streams are unlisted by default', async () => {
  const urls = ['https://cam.example/a.m3u8'];
  const open = await loadConfig({ urls, flags: [{ path: 'listen', value: '0.0.0.0', origin: '--listen' }] });
  assert.equal(open.config.streams['cam-example']!.visibility, 'unlisted');
  assert.equal(open.config.http.address, '0.0.0.0');
  const closed = await loadConfig({ urls, flags: [{ path: 'http', value: '[::1]:0', origin: '--http' }] });
  assert.equal(closed.config.streams['cam-example']!.visibility, 'public');
  assert.deepEqual(closed.config.http, { address: '::1', port: 0 });
});

test('arguments become streams: with a given name, or one derived from the host, numbered if it is in use', async () => {
  const file = yaml('streams: { cam-example: { source: { type: test } }, door: { source: { type: test } } }\n');
  const { config, origins } = await loadConfig({
    files: [file],
    urls: [
      'https://cam.example/a.m3u8?x=1',
      'https://CAM.example:8443/b.m3u8',
      'door=https://cam.example/c.m3u8',
      'http://127.0.0.1:9/d.m3u8',
      'http://[::1]:9/e.m3u8',
    ],
  });
  assert.deepEqual(Object.keys(config.streams).toSorted(), [
    '1',
    '127-0-0-1',
    'cam-example',
    'cam-example-2',
    'cam-example-3',
    'door',
  ]);
  assert.equal(config.streams.door!.origin, 'command-line', 'a name that was given wins over the file');
  assert.equal(config.streams['cam-example']!.origin, 'configuration', 'a name that is made steps aside');
  assert.equal(origins.get('streams.door'), 'argument');
});

test('invalid URLs and names that are used twice are refused', async () => {
  const problems = await problemsOf({
    urls: ['a=http://x.example/', 'a=http://y.example/', 'movie.mp4', 'rtmp://x.example:1'],
  });
  assert.deepEqual(
    problems.map(({ origin, message }) => `${origin}: ${message}`),
    [
      'argument: The name "a" is used twice.',
      'argument: "movie.mp4" is not an http, https, rtsp, udp, srt or whep+https URL; a file on this computer is not a stream.',
      'argument: "rtmp://x.example:1" is not an http, https, rtsp, udp, srt or whep+https URL; oxbow does not fetch RTMP, it receives it.',
    ],
  );
});

test('what is set twice and may be set once is refused with both places: keys, ports, folders, buckets', async () => {
  const key = 'a-key-of-a-publisher';
  const push = `source: { type: push }, keys: [${key}]`;
  const udp = (address: string) => `source: { url: "udp://${address}" }`;
  const s3 = 'bucket: films, prefix: tv';
  const of = async (text: string) => {
    const file = yaml(text);
    return (await problemsOf({ files: [file] })).map(({ origin, message }) => {
      assert.ok(!message.includes(key), 'no key is printed');
      return `${origin} ${message}`.replaceAll(file, 'f');
    });
  };
  assert.deepEqual(await of(`streams:\n  a: { ${push} }\n  b: { ${push} }\n`), [
    'f:3 streams.b: it is the same secret as that of streams.a (f:2); choose another one for one of them.',
  ]);
  assert.deepEqual(await of(`adminToken: ${key}\nwatchSecret: ${key}\nstreams:\n  a: { ${push} }\n`), [
    'f:4 streams.a: it is the same secret as that of adminToken (f:1); choose another one for one of them.',
  ]);
  assert.deepEqual(await of('http: 9000\nrtsp: 0.0.0.0:9000\nsrt: 1935\n'), [
    'f:2 rtsp: port 9000 is that of http (f:1); choose another one.',
  ]);
  assert.deepEqual(await of('srt: 9000\nsrtla: 0.0.0.0:9000\n'), [
    'f:2 srtla: port 9000 is that of srt (f:1); choose another one.',
  ]);
  assert.deepEqual(await of('srt: off\nsrtla: 5000\n'), [
    'f:2 srtla: it passes what it receives to SRT, and `srt` is off; set `srt` to a port, or `srtla` to off.',
  ]);
  const redis = 'redis://r:6379';
  assert.deepEqual(
    await of(`nats: { url: "nats://n:4222" }\nredis: { url: "${redis}" }\njobs: { amqp: { url: "amqp://q" } }\n`),
    [
      'f:1 nats.url: one engine carries events, and redis.url (f:2) is another; remove one.',
      'f:1 nats.url: one engine carries the news that a job waits, and jobs.amqp.url (f:3) is another; remove one.',
    ],
  );
  const shards = 'shards: { b: "postgres://b/x" }';
  assert.deepEqual(await of(`store: { ${shards} }\n`), [
    'f:1 store.shards: shards need the database of the catalogue; set `store.url`.',
  ]);
  assert.deepEqual(await of(`store: { url: "postgres://a/x", ${shards}, newStreams: c }\n`), [
    'f:1 store.newStreams: there is no shard "c"; use catalogue, fewest or a name of store.shards.',
  ]);
  const others = 'weights: { catalogue: 0, b: 2, c: 1 }, shardReplicas: { d: "postgres://d/x" }';
  assert.deepEqual(await of(`store: { url: "postgres://a/x", ${shards}, ${others} }\n`), [
    'f:1 store.shardReplicas: there is no shard "d"; use b.',
    'f:1 store.weights: there is no shard "c"; use catalogue, b.',
  ]);
  assert.deepEqual(await of(`store: { url: "postgres://a/x", ${shards}, weights: "b=-1" }\n`), [
    'f:1:75 store.weights: the weight of b is no whole number from 0 to 1000.',
  ]);
  await loadConfig({ files: [yaml('nats: { url: "tls://user:word@n:4222/" }\n')] });
  assert.deepEqual(await of('nats: { url: "http://n" }\n'), [
    'f:1:14 nats.url: it is not an address such as nats://USER:PASSWORD@nats.example:4222.',
  ]);
  assert.deepEqual(await of(`streams:\n  a: { ${udp('0.0.0.0:5000')} }\n  b: { ${udp('@127.0.0.1:5000')} }\n`), [
    'f:3 streams.b: port 5000 is that of streams.a (f:2); choose another one.',
  ]);
  const [first, second] = [`a: { ${udp('@239.1.1.1:5000?program=1')} }`, `b: { ${udp('@239.1.1.1:5000?program=2')} }`];
  await loadConfig({ files: [yaml(`http: 0\nrtsp: 0\nstreams:\n  ${first}\n  ${second}\n`)] });
  assert.deepEqual(
    await of(
      'data: /srv/a\nstorage:\n  folders:\n    b: { path: /srv/ab }\n    c: { path: /srv/ab/c/ }\n    d: { path: /srv/a/recordings }\n    e: { path: /srv/a/disk }\n',
    ),
    [
      'f:5 storage.folders.c: /srv/ab/c is the folder of storage.folders.b (f:4), inside it or around it; choose another one.',
      'f:6 storage.folders.d: /srv/a/recordings is the folder of data (f:1), inside it or around it; choose another one.',
    ],
  );
  assert.deepEqual(await of(`storage:\n  targets:\n    a: { ${s3} }\n    b: { ${s3} }\n`), [
    'f:4 storage.targets.b: it is the same place as that of storage.targets.a (f:3); choose another bucket or prefix.',
  ]);
});

test('a secret may come from a file, but not from two places', async () => {
  const file = join(folder, 'token');
  writeFileSync(file, 'correct horse battery\n');
  const { config, origins } = await loadConfig({ env: { OXBOW_ADMIN_TOKEN_FILE: file } });
  assert.equal(config.adminToken, 'correct horse battery');
  assert.equal(origins.get('adminToken'), 'OXBOW_ADMIN_TOKEN_FILE');
  const problems = await problemsOf({ env: { OXBOW_ADMIN_TOKEN_FILE: file, OXBOW_ADMIN_TOKEN: 'another long token' } });
  assert.match(problems[0]!.message, /set one of them/);
  assert.match(
    (await problemsOf({ env: { OXBOW_ADMIN_TOKEN: 'short' } }))[0]!.message,
    /it has 5 characters; use at least 16/,
  );
});

test('only the trailing newline of a secret file is removed; for an empty or unreadable file the error names the variable', async () => {
  const file = join(folder, 'spaced');
  writeFileSync(file, ' two words or more \r\n');
  assert.equal((await loadConfig({ env: { OXBOW_ADMIN_TOKEN_FILE: file } })).config.adminToken, ' two words or more ');
  writeFileSync(file, '\n');
  const [empty] = await problemsOf({ env: { OXBOW_ADMIN_TOKEN_FILE: file } });
  assert.equal(empty!.origin, 'OXBOW_ADMIN_TOKEN_FILE');
  assert.match(empty!.message, /is empty/);
  const [missing] = await problemsOf({ env: { OXBOW_ADMIN_TOKEN_FILE: join(folder, 'none') } });
  assert.equal(missing!.origin, 'OXBOW_ADMIN_TOKEN_FILE');
  assert.match(missing!.message, /ENOENT/);
});

test('a stream of a later file replaces the one of an earlier file as a whole', async () => {
  const first = yaml('streams: { a: { source: { type: test }, keep: 1h }, b: { source: { type: test } } }\n');
  const second = yaml('streams: { a: { source: { type: test } } }\n');
  const { config, origins } = await loadConfig({ files: [first, second] });
  assert.deepEqual(Object.keys(config.streams).toSorted(), ['a', 'b']);
  assert.equal(config.streams.a!.keep, undefined);
  assert.equal(origins.get('streams.a'), `${second}:1`);
});

test('unknown variables cause a warning, those of Kubernetes do not', async () => {
  const { warnings } = await loadConfig({
    env: { OXBOW_LOGLEVEL: 'debug', OXBOW_SERVICE_HOST: '10.0.0.1', OXBOW_PORT: 'tcp://10.0.0.1:80' },
  });
  assert.deepEqual(warnings, ['OXBOW_LOGLEVEL is not a setting and was ignored; did you mean OXBOW_LOG_LEVEL?']);
});

test('the variables of video-stream-recorder are accepted; those of oxbow override them', async () => {
  const env = {
    VSR_URL: 'http://x.example/l.m3u8',
    VSR_TAIL: '48',
    VSR_BIND_TO: ':9000',
    VSR_LOG_LEVEL: 'WARN',
    OXBOW_HTTP: '7000',
    VSR_DATA_DIR: folder,
    VSR_WORKERS: '64',
  };
  const { config, origins } = await loadConfig({ env });
  assert.equal(config.record.keep, 48 * 3_600_000);
  assert.deepEqual(config.http, { address: '127.0.0.1', port: 7000 });
  assert.equal(config.logLevel, 'warn');
  assert.equal(config.data, folder);
  assert.deepEqual(Object.keys(config.streams), ['x-example']);
  assert.equal(origins.get('record.keep'), 'VSR_TAIL');
  assert.equal(origins.get('threads'), 'VSR_WORKERS');
});

test('errors in settings of video-stream-recorder quote the original text', async () => {
  for (const typed of ['-1', 'abc', '']) {
    const flags = vsrAliases.flatMap(({ flag, path, convert }) =>
      flag === 'tail' ? [{ path, value: undefined, ...convert(typed), origin: '--tail' }] : [],
    );
    const message = `"${typed}" is not a number of hours; write 24.`;
    assert.deepEqual(await problemsOf({ flags }), [{ origin: '--tail', message }]);
  }
});

test('variables of video-stream-recorder without a counterpart, and lowered values, cause a warning', async () => {
  const env = {
    VSR_DB_PATH: '/a.db',
    VSR_MAX_STREAMS: '4',
    VSR_DEBUG: '1',
    VSR_COLOUR: 'red',
    VSR_WORKERS: '99',
    VSR_HOST: '0.0.0.0',
    VSR_TAIL: '48',
  };
  const { config, warnings } = await loadConfig({ env });
  assert.equal(config.publicUrl, undefined, '0.0.0.0 is no address for others');
  const found = warnings.join('\n');
  for (const name of ['VSR_DB_PATH', 'VSR_MAX_STREAMS', 'VSR_DEBUG', 'VSR_COLOUR', 'VSR_WORKERS', 'VSR_HOST']) {
    assert.match(found, new RegExp(`^${name}\\b`, 'm'));
  }
  assert.match(found, /^VSR_WORKERS: 99 was lowered to \d+:/m);
  assert.doesNotMatch(found, /VSR_TAIL/);
});

test('address ranges are read from lists and from text, and checked', async () => {
  const { config } = await loadConfig({ env: { OXBOW_NET_ALLOW: '10.0.0.0/8, fd00::/8,192.168.1.20' } });
  assert.deepEqual(config.net.allow, ['10.0.0.0/8', 'fd00::/8', '192.168.1.20']);
  const fromFile = await loadConfig({ files: [yaml('net: { allow: [10.0.0.0/8] }\n')] });
  assert.deepEqual(fromFile.config.net.allow, ['10.0.0.0/8']);
  for (const wrong of ['10.0.0.0/33', 'cam.example', '10.0.0.0/8/8', '::1/129', '10.0.0.0/']) {
    assert.match((await problemsOf({ env: { OXBOW_NET_ALLOW: wrong } }))[0]!.message, /not an address range/, wrong);
  }
});

test('a YAML alias is resolved, an alias bomb is refused', async () => {
  const { config } = await loadConfig({ files: [yaml('hls: &h { window: 1m }\nlive: { linger: { push: 5s } }\n')] });
  assert.equal(config.hls.window, 60_000);
  const bomb = `net:\n  allow:\n    - &a [${'x,'.repeat(9)}x]\n${[...'bcdefgh'].map((name, at) => `    - &${name} [${`*${'abcdefg'[at]},`.repeat(10)}]\n`).join('')}`;
  assert.ok((await problemsOf({ files: [yaml(bomb)] })).length > 0);
});

test('settings of a pull apply to all streams, and those of a stream override them', async () => {
  const { config } = await loadConfig({
    files: [
      yaml(
        'pull: { quality: 1080p, from: 10m }\nstreams:\n  a:\n    source: { url: https://x.example/, quality: worst, from: -2h, userAgent: vsr }\n',
      ),
    ],
    flags: [
      { path: 'pull.quality', value: '720p', origin: '--quality' },
      { path: 'pull.from', value: '-30m', origin: '--from' },
    ],
  });
  assert.deepEqual(config.pull, { quality: '720p', from: 1_800_000, userAgent: '' });
  assert.deepEqual(config.streams.a?.source, {
    type: 'pull',
    url: 'https://x.example/',
    headers: {},
    quality: 'worst',
    fromMs: 7_200_000,
    userAgent: 'vsr',
  });
  const problems = await problemsOf({ flags: [{ path: 'pull.quality', value: 'huge', origin: '--quality' }] });
  assert.match(problems[0]!.message, /^"huge" is not a quality; write best, worst, 720p/);
});

test('the default visibility is public on a loopback address, and decided at each start', async () => {
  const file = yaml('streams: { a: { source: { type: test } }, b: { source: { type: test }, visibility: public } }\n');
  const seen = async (...flags: [path: string, value: string][]) => {
    const given = flags.map(([path, value]) => ({ path, value, origin: `--${path}` }));
    const { config } = await loadConfig({ files: [file], flags: given });
    const isSet = Object.values(config.streams).map(({ visibilityIsSet }) => visibilityIsSet);
    assert.deepEqual(isSet, [false, true], 'which of the two it was is known');
    return Object.values(config.streams).map(({ visibility }) => visibility);
  };
  assert.deepEqual(await seen(), ['public', 'public']);
  assert.deepEqual(await seen(['listen', '0.0.0.0']), ['unlisted', 'public'], 'configured visibilities stay');
  assert.deepEqual(await seen(['listen', '127.0.0.1']), ['public', 'public']);
  assert.deepEqual(await seen(['publicUrl', 'https://tv.example']), ['unlisted', 'public'], 'a proxy lets others in');
  for (const own of ['http://localhost:8080', 'http://127.0.0.1:8080', 'http://[::1]:8080', 'http://tv.localhost']) {
    assert.deepEqual(await seen(['publicUrl', own]), ['public', 'public'], own);
  }
});

test('rules by network and country are lists or texts; a code that is no country and another header field are errors', async () => {
  const file = yaml(`
watchRules: { allow: de, deny: [192.0.2.7, 2001:db8::/32], countryHeader: CF-IPCountry }
streams:
  near: { source: { type: test }, watchRules: { allow: "10.0.0.0/8, at" } }
  other: { source: { type: test } }
`);
  const { config } = await loadConfig({ files: [file] });
  const { allow, deny, countryHeader } = config.watchRules;
  assert.deepEqual([allow, deny, countryHeader], [['DE'], ['192.0.2.7', '2001:db8::/32'], 'cf-ipcountry']);
  assert.deepEqual(config.streams.near!.watchRules, { allow: ['10.0.0.0/8', 'AT'], deny: [] });
  assert.equal(config.streams.other!.watchRules, undefined);
  const wrong = yaml('watchRules: { allow: UK, deny: [10.0.0.0/40], countryHeader: X-Where }\n');
  await assert.rejects(loadConfig({ files: [wrong] }), (error: OxbowError) => {
    const text = JSON.stringify(error.extra.problems);
    for (const part of ['GB for the United Kingdom', '10.0.0.0/40', 'such as CF-IPCountry'])
      assert.ok(text.includes(part));
    return true;
  });
});

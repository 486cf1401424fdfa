import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { CACHES, type CachePlan, type PlanFlags, type PlanSettings, planOf } from './cache-plan.ts';
import { printCloudfront } from './cloudfront-file.ts';
import { printFastly } from './fastly-file.ts';
import { printNginx } from './nginx-file.ts';
import { printVarnish } from './varnish-file.ts';

interface Case {
  readonly publicUrl?: string;
  readonly listen?: string;
  readonly port?: number;
  readonly cert?: string;
  /** ms. */
  readonly segmentDuration?: number;
  readonly flags?: Partial<PlanFlags>;
}

function plan(
  cache: string,
  {
    publicUrl = 'https://tv.example',
    listen = '127.0.0.1',
    port = 8080,
    cert = '',
    segmentDuration = 2000,
    flags,
  }: Case = {},
): CachePlan {
  const config: PlanSettings = {
    publicUrl: publicUrl === '' ? undefined : publicUrl,
    listen,
    http: { address: '', port },
    tls: { cert, key: '' },
    hls: { segmentDuration },
  };
  const byDefault: PlanFlags = { name: 'oxbow', recheck: '10s' };
  return planOf(cache, config, Object.assign(byDefault, flags));
}

/** Lines of a file that match, without their indentation. */
const linesWith = (text: string, pattern: RegExp): string[] =>
  text.split('\n').flatMap((line) => (pattern.test(line) ? [line.trim()] : []));

suite('what is printed comes from the settings', () => {
  test('the origin is where oxbow listens, and only it may purge', () => {
    const { origin, originHost, purgeFrom } = plan('nginx', { listen: '0.0.0.0', port: 9000 });
    assert.deepEqual(
      [origin.href, originHost, purgeFrom],
      ['http://127.0.0.1:9000/', 'localhost', ['127.0.0.1', '::1']],
    );
    assert.equal(plan('nginx', { listen: '10.0.0.5', cert: 'a.pem' }).origin.href, 'https://10.0.0.5:8080/');
    assert.deepEqual(plan('varnish', { flags: { origin: 'http://origin.lan:81' } }).purgeFrom, ['origin.lan']);
  });

  test('nginx gets its names, addresses, timeouts and the host that oxbow answers to', () => {
    const flags = { origin: 'https://10.0.0.5:8443', name: 'tv', recheck: '5s', purgeFrom: '10.0.0.0/8, ::1' };
    const text = printNginx(plan('nginx', { flags }));
    assert.match(text, /upstream tv_origin \{\n {4}server 10\.0\.0\.5:8443;/);
    assert.deepEqual(linesWith(text, /server_name [^o]/), ['server_name tv.example;', 'server_name tv.example;']);
    assert.deepEqual(linesWith(text, /allow /), ['allow 10.0.0.0/8;', 'allow ::1;']);
    assert.deepEqual(linesWith(text, /proxy_set_header Host/), ['proxy_set_header Host 10.0.0.5:8443;']);
    assert.deepEqual(linesWith(text, /proxy_read_timeout/), ['proxy_read_timeout 120s;']);
    assert.ok(text.includes('proxy_cache_valid 200 5s;'));
    assert.deepEqual(linesWith(text, /lock_timeout/), ['proxy_cache_lock_timeout 3s;']);
    assert.ok(printNginx(plan('nginx', { segmentDuration: 5500 })).includes('proxy_cache_lock_timeout 7s;'));
    assert.ok(text.includes('proxy_ssl_verify on;'));
    assert.ok(!text.includes('oxbow_'), 'no name of another cache');
    const braces = text.replaceAll(/"[^"\n]*"|#.*/g, '');
    assert.equal(braces.split('{').length, braces.split('}').length);
    assert.match(printNginx(plan('nginx', { publicUrl: 'http://tv.lan:81' })), /listen 81; # CHANGE/);
  });

  test('nginx refuses all purges where the origin is a host name, which it cannot compare', () => {
    const text = printNginx(plan('nginx', { flags: { origin: 'http://origin.lan' } }));
    assert.deepEqual(linesWith(text, /allow |deny /), ['deny all; # CHANGE']);
  });

  test('Varnish gets the same, with the address without brackets', () => {
    const flags = { origin: 'http://[2001:db8::1]:81', name: 'tv', recheck: '1m', purgeFrom: '10.0.0.0/8,::1' };
    const text = printVarnish(plan('varnish', { flags }));
    assert.match(text, /backend tv \{\n {4}\.host = "2001:db8::1";\n {4}\.port = "81";/);
    assert.match(text, /acl tv_purgers \{\n {4}"10\.0\.0\.0"\/8;\n {4}"::1";\n\}/);
    assert.ok(text.includes('set beresp.ttl = 60s;'));
    assert.deepEqual(linesWith(text, /_timeout = 1/), [
      '.first_byte_timeout = 120s;',
      '.between_bytes_timeout = 120s;',
    ]);
  });

  test('every key has exactly the three directives of HLS', () => {
    const flags = { origin: 'https://origin.tv.example' };
    const files = [
      printNginx(plan('nginx')),
      printVarnish(plan('varnish')),
      printCloudfront(plan('cloudfront', { flags })),
    ];
    for (const text of files) {
      const names = new Set(text.match(/(?<![a-z])_HLS_[a-z]+/g));
      assert.deepEqual([...names], ['_HLS_msn', '_HLS_part', '_HLS_skip']);
    }
    assert.ok(printFastly(plan('fastly', { flags })).includes('"^_HLS_(?:msn|part|skip)$"'));
  });
});

interface Behavior {
  readonly PathPattern: string;
  readonly TargetOriginId: string;
  readonly AllowedMethods: readonly string[];
  readonly CachePolicyId: string | { readonly Ref: string };
}

suite('files of services, which no test runs', () => {
  const flags = { origin: 'https://origin.tv.example:8443', name: 'tv' };

  test('CloudFront forwards reports before it keeps media, keeps no error, and waits two minutes', () => {
    const template = JSON.parse(printCloudfront(plan('cloudfront', { flags })));
    const { Copies, Distribution } = template.Resources;
    const config = Distribution.Properties.DistributionConfig;
    const [origin] = config.Origins;
    assert.deepEqual(config.Aliases, ['tv.example']);
    assert.equal(origin.DomainName, 'origin.tv.example');
    assert.deepEqual(origin.CustomOriginConfig, {
      OriginProtocolPolicy: 'https-only',
      HTTPPort: 80,
      HTTPSPort: 8443,
      OriginSSLProtocols: ['TLSv1.2'],
      OriginReadTimeout: 120,
      OriginKeepaliveTimeout: 60,
    });
    const behaviors: readonly Behavior[] = [...config.CacheBehaviors, config.DefaultCacheBehavior];
    assert.ok(behaviors.every(({ TargetOriginId }) => TargetOriginId === origin.Id));
    const first = (path: string) =>
      behaviors.find(({ PathPattern = '*' }) =>
        new RegExp(`^${PathPattern.replaceAll('.', '[.]').replaceAll('*', '.*')}$`).test(path),
      )!;
    for (const path of [
      '/live/door/session',
      '/t/AAAA/live/door/1.m4s',
      '/api/v1/streams',
      '/live/door/ts/index.m3u8',
    ]) {
      assert.equal(typeof first(path).CachePolicyId, 'string', path);
      assert.ok(first(path).AllowedMethods.includes('POST'), path);
    }
    for (const path of ['/live/door/v0/g1.m3u8', '/vod/door/1/2/index.m3u8', '/assets/k3v9/index.m3u8'])
      assert.deepEqual(first(path).CachePolicyId, { Ref: 'Copies' }, path);
    const { MinTTL, DefaultTTL, ParametersInCacheKeyAndForwardedToOrigin: key } = Copies.Properties.CachePolicyConfig;
    assert.deepEqual([MinTTL, DefaultTTL], [0, 0]);
    assert.deepEqual(key.QueryStringsConfig.QueryStrings, ['_HLS_msn', '_HLS_part', '_HLS_skip']);
    const errors = config.CustomErrorResponses as { ErrorCode: number; ErrorCachingMinTTL: number }[];
    for (const code of [404, 503])
      assert.ok(errors.some((each) => each.ErrorCode === code && each.ErrorCachingMinTTL === 0));
  });

  test('the VCL for Fastly has each subroutine once with its macro, and braces that match', () => {
    const text = printFastly(plan('fastly', { flags }));
    for (const name of ['recv', 'hash', 'hit', 'miss', 'pass', 'fetch', 'error', 'deliver', 'log']) {
      assert.equal(text.split(`sub vcl_${name} {`).length, 2, name);
      assert.equal(text.split(`\n#FASTLY ${name}\n`).length, 2, name);
    }
    const braces = text.replaceAll(/"[^"\n]*"|#.*/g, '');
    assert.equal(braces.split('{').length, braces.split('}').length);
    assert.match(text, /backend F_tv \{\n {4}\.host = "origin\.tv\.example";\n {4}\.port = "8443";/);
    assert.match(text, /first_byte_timeout = 120s/);
    assert.match(text, /Fastly-Purge-Requires-Auth/);
  });
});

for (const [cache, given, reason] of [
  ['squid', {}, /no file for "squid"/],
  ['nginx', { publicUrl: '' }, /needs `publicUrl`/],
  ['nginx', { flags: { name: 'Tv 1' } }, /--name is "Tv 1"/],
  ['nginx', { flags: { origin: '10.0.0.5:8080' } }, /--origin is "10\.0\.0\.5:8080", not the address/],
  ['nginx', { flags: { origin: 'http://10.0.0.5/live' } }, /not the address of a server/],
  ['nginx', { port: 0 }, /has no port/],
  ['nginx', { flags: { recheck: 'soon' } }, /^--recheck: /],
  ['nginx', { flags: { recheck: '2h' } }, /--recheck is "2h"/],
  ['nginx', { flags: { recheck: '1500ms' } }, /--recheck is "1500ms"/],
  ['nginx', { flags: { purgeFrom: 'origin' } }, /--purge-from has "origin"/],
  ['varnish', { flags: { purgeFrom: '10.0.0.0/99' } }, /--purge-from has "10\.0\.0\.0\/99"/],
  ['varnish', { flags: { origin: 'https://origin.lan' } }, /Varnish makes no TLS connections/],
  ['cloudfront', {}, /which cloudfront does not reach/],
  ['fastly', { flags: { origin: 'http://10.0.0.5' } }, /which fastly does not reach/],
  ['fastly', { publicUrl: 'http://tv.example' }, /is for HTTPS on port 443/],
] as const satisfies readonly (readonly [string, Case, RegExp])[]) {
  test(`${cache} with ${JSON.stringify(given)} is refused with the reason and a hint`, () => {
    assert.throws(
      () => plan(cache, given),
      (error: { code: string; message: string; extra: { hint: string } }) => {
        assert.equal(error.code, 'bad-setting');
        assert.match(error.message, reason);
        return error.extra.hint !== '';
      },
    );
  });
}

test('there is a file for each of the four', () =>
  assert.deepEqual(CACHES, ['nginx', 'varnish', 'cloudfront', 'fastly']));

/**
 * Checks of how browsers connect to a public address: certificate, HTTP/2, HTTP/3; and of what the proxy says
 * about clients to oxbow.
 * In: facts of a connection, answers. Out: findings. Pure. RFC 7301; RFC 7838 3.
 */
import { refusals } from '../../../lib/errors.ts';
import { type Finding, failed, ok, warning } from '../finding.ts';
import { versionOf } from '../program-checks.ts';
import type { PublicAnswer, TlsFacts } from './public-server.ts';

const DAY_MS = 86_400_000;
/** Certificates are usually renewed a month before their end. */
const SOON_MS = 14 * DAY_MS;
const PAGE = 'docs/9-run/https-and-proxies.md';

/** Checks the certificate. @param nowMs since 1970 */
export function checkCertificate(tls: TlsFacts | undefined, nowMs: number): Finding {
  const name = 'certificate';
  if (!tls)
    return failed(
      name,
      'the address is plain HTTP',
      'Let the proxy speak HTTPS: browsers use HTTP/2 and HTTP/3 only there.',
    );
  const until = new Date(tls.validToMs).toISOString();
  if (tls.problem !== '') {
    const hint = 'Install a certificate of this name with its intermediates, from an authority that browsers accept.';
    return failed(name, `browsers refuse it: ${tls.problem} (from ${tls.issuer}, until ${until})`, hint);
  }
  const text = `valid until ${until}, from ${tls.issuer}`;
  if (tls.validToMs - nowMs > SOON_MS) return ok(name, text);
  return warning(name, text, 'Renew it, and check why the program that renews it has not done so.');
}

/** Checks whether ALPN offers HTTP/2. */
export function checkHttp2(tls: TlsFacts): Finding {
  if (tls.protocol === 'h2') return ok('HTTP/2', 'offered');
  return warning('HTTP/2', 'not offered', 'Switch it on at the proxy: iPhones play with low latency only over it.');
}

/** Checks that oxbow answers `/version` there. */
export function checkVersion({ status, text }: PublicAnswer): Finding {
  const name = 'oxbow';
  const version = versionOf(text);
  if (status === 200 && version !== undefined) return ok(name, `version ${version} answers`);
  if (status === refusals['host-refused'].status) {
    const hint = 'Let the proxy send Host: localhost and the public name in X-Forwarded-Host, or name it with --hosts.';
    return failed(name, `HTTP ${status}: the proxy sends a host name that oxbow does not accept`, hint);
  }
  if (status === 502 || status === 503 || status === 504)
    return failed(
      name,
      `HTTP ${status}: the proxy does not reach oxbow`,
      'Start oxbow, and check its address in the proxy.',
    );
  return failed(name, `HTTP ${status}, but not from oxbow`, `Let the proxy forward every path unchanged; see ${PAGE}.`);
}

/** Where an answer announces HTTP/3. */
export interface Announced {
  /** Empty: the host of the address. */
  readonly host: string;
  readonly port: number;
}

/** The first alternative of a field Alt-Svc that is HTTP/3; undefined: none. */
export function announcedIn(field: string | undefined): Announced | undefined {
  const [, host = '', port] = /(?:^|[\s,])h3="([^":]*|\[[^"\]]*\]):(\d{1,5})"/.exec(field ?? '') ?? [];
  return port === undefined ? undefined : { host, port: Number(port) };
}

/**
 * Checks HTTP/3: whether it is announced, and whether UDP gets through.
 *
 * @param port that is announced, or else that of the address
 * @param versions of QUIC that answered there; undefined: nothing did
 */
export function checkHttp3(field: string | undefined, port: number, versions: readonly string[] | undefined): Finding {
  const name = 'HTTP/3';
  const isAnnounced = announcedIn(field) !== undefined;
  const known = versions && `QUIC versions ${versions.join(', ')}`;
  if (isAnnounced && known !== undefined) return ok(name, `announced (${field}); UDP port ${port} answers, ${known}`);
  if (isAnnounced) {
    const hint = `Open UDP port ${port} in the firewall and at the proxy: browsers try it first, and wait.`;
    return warning(name, `announced (${field}), but nothing answers on UDP port ${port}`, hint);
  }
  if (known !== undefined) {
    const hint = `Let the proxy announce it, or oxbow: altSvc: 'h3=":${port}"; ma=86400'.`;
    return warning(name, `UDP port ${port} answers (${known}), but no answer has Alt-Svc with h3`, hint);
  }
  return warning(name, 'not offered; browsers use HTTP/2', `deploy/caddy/Caddyfile offers it; see ${PAGE}.`);
}

/** Checks that requests from outside are no operator's. @param metrics the answer to `/metrics` */
export function checkClientAddress(metrics: PublicAnswer): Finding {
  const name = 'client address';
  const { status } = metrics;
  if (status !== 200) return ok(name, `a request from outside gets no metrics (HTTP ${status})`);
  const hint = 'Let the proxy set X-Forwarded-For to the address of the client, and drop what clients send in it.';
  return failed(name, 'everyone may read /metrics: oxbow takes clients for its operator', hint);
}

/**
 * Checks the address in links of a page.
 *
 * @param page the answer to the watch page of a stream
 * @returns undefined if it has no such link
 */
export function checkLinks({ status, text }: PublicAnswer, origin: string): Finding | undefined {
  const [, link] = /property="og:url" content="([^"]*)"/.exec(text) ?? [];
  if (status !== 200 || link === undefined) return undefined;
  const name = 'links';
  const stated = URL.parse(link)?.origin;
  if (stated === origin) return ok(name, `pages name ${origin}`);
  const hint = 'Let the proxy set X-Forwarded-Host with the port and X-Forwarded-Proto, or set publicUrl.';
  return warning(name, `pages name ${stated ?? link.slice(0, 100)} as their address`, hint);
}

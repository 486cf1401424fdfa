/**
 * A Chromium that speaks HTTP/3 with one server of this computer, whose certificate is signed by itself: the
 * other ones of tests have QUIC off.
 * In: the server, its certificate. Out: a browser; the protocol of each request of a page.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Browser, chromium, type Page } from 'playwright-core';
import { launchOptions } from '../chromium-server.ts';

/** What a page has requested, and by which protocol (`h3`, `h2`, `http/1.1`). */
export interface Loaded {
  /** Path, without the query. */
  readonly path: string;
  readonly protocol: string;
}

/** How it is started. */
export interface QuicOptions {
  /** TCP and UDP port of the server. */
  readonly port: number;
  /** PEM file of the server. */
  readonly certificate: string;
  /**
   * Whether it uses QUIC without an announcement (`Alt-Svc`); otherwise it uses TCP: it follows announcements
   * only of servers with a certificate of a public authority.
   */
  readonly isForced: boolean;
  /** Name of the server, and its address where it is not this computer; default: `localhost`. */
  readonly host?: { readonly name: string; readonly address: string };
  /** The program, in place of the one of all tests. */
  readonly program?: string;
}

/** Starts it. */
export async function launchQuicBrowser({ port, certificate, isForced, host, program }: QuicOptions): Promise<Browser> {
  const { publicKey } = new X509Certificate(await readFile(certificate));
  const digest = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
  const forced = `--origin-to-force-quic-on=${host?.name ?? 'localhost'}:${port}`;
  const further = [
    `--ignore-certificate-errors-spki-list=${digest}`,
    ...(host ? [`--host-resolver-rules=MAP ${host.name} ${host.address}`] : []),
  ];
  const { executablePath, args = [] } = launchOptions(further);
  const others = args.filter((argument) => argument !== '--disable-quic');
  return chromium.launch({
    executablePath: program ?? executablePath!,
    args: [...others, ...(isForced ? ['--enable-quic', forced] : ['--disable-quic'])],
  });
}

/** Everything that the page has loaded so far, itself first. */
export function loadedOf(page: Page): Promise<readonly Loaded[]> {
  return page.evaluate(() =>
    [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].map((entry) => ({
      path: new URL(entry.name).pathname,
      protocol: (entry as PerformanceResourceTiming).nextHopProtocol,
    })),
  );
}

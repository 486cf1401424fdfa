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

/**
 * Starts it.
 *
 * @param options.port of `localhost`: TCP and UDP
 * @param options.certificate PEM file
 * @param options.isForced whether it uses QUIC without an announcement (`Alt-Svc`); otherwise it uses TCP: it
 *   follows announcements only of servers with a certificate of a public authority
 */
export async function launchQuicBrowser({
  port,
  certificate,
  isForced,
}: {
  readonly port: number;
  readonly certificate: string;
  readonly isForced: boolean;
}): Promise<Browser> {
  const { publicKey } = new X509Certificate(await readFile(certificate));
  const digest = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
  const quic = isForced ? ['--enable-quic', `--origin-to-force-quic-on=localhost:${port}`] : ['--disable-quic'];
  const { executablePath, args = [] } = launchOptions([`--ignore-certificate-errors-spki-list=${digest}`]);
  const others = args.filter((argument) => argument !== '--disable-quic');
  return chromium.launch({ executablePath: executablePath!, args: [...others, ...quic] });
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

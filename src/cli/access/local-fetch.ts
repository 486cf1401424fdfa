/**
 * Requests to the oxbow on this computer over HTTPS, whose certificate need not be trusted by the system or
 * name this address.
 * In: the certificate that the running oxbow uses, from its file. Out: a function like `fetch` that accepts
 * only this certificate.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PeerCertificate } from 'node:tls';
import { refuseOtherProtocol } from '../../lib/other-protocol.ts';

/** Statuses without a body, which a Response refuses to have (Fetch Standard, null body status). */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * Makes the function.
 *
 * @param file PEM; the first certificate is the one of the server, those after it are its chain
 * @returns undefined if this user cannot read the file, or it has no certificate
 */
export function localFetch(file: string): typeof fetch | undefined {
  let pem: string;
  let expected: string;
  try {
    pem = readFileSync(file, 'utf8');
    expected = new X509Certificate(pem).fingerprint256;
  } catch {
    return undefined;
  }
  const checkServerIdentity = (_host: string, { fingerprint256 }: PeerCertificate) =>
    fingerprint256 === expected ? undefined : new Error('the certificate is not the one that oxbow was started with');
  // The certificate itself is trusted, with any signer.
  const tls = { ca: pem, allowPartialTrustChain: true, checkServerIdentity };
  return async (input, init) => {
    const asked = new Request(input, { ...init, ...(init?.body && { duplex: 'half' }) } as RequestInit);
    const { method, url, signal } = asked;
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const sent = request(url, { method, headers: Object.fromEntries(asked.headers), signal, ...tls }, (answer) => {
      const headers = new Headers();
      for (const [name, value] of Object.entries(answer.headersDistinct)) {
        for (const each of value ?? []) headers.append(name, each);
      }
      const status = answer.statusCode!;
      if (BODILESS.has(status)) answer.resume();
      const body = BODILESS.has(status) ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>);
      resolve(new Response(body, { status, headers }));
    });
    sent.on('error', reject);
    refuseOtherProtocol(sent);
    if (asked.body)
      pipeline(Readable.fromWeb(asked.body as Parameters<typeof Readable.fromWeb>[0]), sent).catch(reject);
    else sent.end();
    return promise;
  };
}

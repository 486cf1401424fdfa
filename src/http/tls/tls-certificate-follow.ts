/**
 * Reloads the certificate of a server when its files change, and warns if it is not valid now.
 * In: files, the certificate in use. Out: new certificates for the server; log lines.
 */
import type { OxbowError } from '../../lib/errors.ts';
import type { HttpDeps } from '../deps.ts';
import { type Certificate, type CertificateFiles, watchCertificate } from './tls-certificate.ts';

/** Watches the files until aborted, applies each new certificate and logs it. */
export function followCertificate(
  files: CertificateFiles,
  shown: { use(certificate: Certificate): void },
  first: Certificate,
  { log, clock }: HttpDeps,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  const warnOfTime = ({ names, notBeforeMs, notAfterMs }: Certificate) => {
    const nowMs = clock.nowMs();
    const notAfter = new Date(notAfterMs).toISOString();
    if (nowMs > notAfterMs) log.warn({ names, notAfter }, 'the certificate has expired');
    else if (nowMs < notBeforeMs) log.warn({ names }, 'the certificate is not valid yet');
  };
  warnOfTime(first);
  const watch = {
    changed(certificate: Certificate) {
      shown.use(certificate);
      const notAfter = new Date(certificate.notAfterMs).toISOString();
      log.info({ names: certificate.names, notAfter }, 'the certificate was replaced');
      warnOfTime(certificate);
    },
    refused(reason: OxbowError) {
      log.error({ error: reason.message }, 'the new certificate cannot be used; keeping the current one');
    },
  };
  return watchCertificate(files, first, watch, { signal });
}

/**
 * Keeps the certificate of a server up to date with its files, and warns of one that is not valid now.
 * In: files, the certificate in use. Out: new certificates to the server; lines of the log.
 */
import type { OxbowError } from '../../lib/errors.ts';
import type { HttpDeps } from '../deps.ts';
import { type Certificate, type CertificateFiles, watchCertificate } from './tls-certificate.ts';

/** Uses the certificate of the files whenever they change, and logs what became of it, until aborted. */
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
      log.error({ error: reason.message }, 'the new certificate cannot be used; the old one stays');
    },
  };
  return watchCertificate(files, first, watch, { signal });
}

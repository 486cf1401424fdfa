/**
 * Reads the certificate of HTTPS and watches its files: certbot and other clients replace them while oxbow
 * runs.
 * In: two PEM files. Out: certificate and key for the TLS server, now and after each valid change. RFC 5280;
 * RFC 7468.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Config } from '../../config/schema.ts';
import { sleep } from '../../lib/abort.ts';
import { messageOf, OxbowError, sentenceOf } from '../../lib/errors.ts';
import type { ServeDeps } from '../deps.ts';

/** Paths of certificate and key, both PEM; the certificate is followed by its intermediates. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/**
 * The files that the settings name; undefined if they name none.
 *
 * @throws OxbowError `bad-setting` if only one of the two is set
 */
export function certificateFiles({ cert, key }: Config['tls']): CertificateFiles | undefined {
  if (cert === '' && key === '') return undefined;
  if (cert !== '' && key !== '') return { cert, key };
  const [present, missing] = cert === '' ? ['key', 'cert'] : ['cert', 'key'];
  throw new OxbowError('bad-setting', `tls.${present} is set, but tls.${missing} is not.`, {
    extra: { hint: 'HTTPS needs both: oxbow --tls-cert FILE --tls-key FILE' },
  });
}

/** A certificate with its matching key. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Names that it is valid for, e.g. `DNS:tv.example`; the subject if it has none. */
  readonly names: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** State of the files before they were read; it differs after a change. */
  readonly state: string;
}

/** What the TLS server needs. */
export type ServerCertificate = Pick<Certificate, 'cert' | 'key'>;

/**
 * Interval at which the files are checked, ms. Polling, since file events miss replaced symbolic links and
 * changes on network disks.
 */
const CHECK_INTERVAL_MS = 2000;

/**
 * Reads and checks both files.
 *
 * @throws OxbowError `bad-setting` that names the file and what to do: missing, not PEM, encrypted, not a
 *   matching pair
 */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const state = await stateOf(files);
  const cert = await readPem(files.cert, 'tls.cert', 'certificate');
  const key = await readPem(files.key, 'tls.key', 'private key');
  const parsed = parseCertificate(cert, files.cert);
  if (!parsed.checkPrivateKey(parseKey(key, files.key))) {
    throw refusal(
      `${files.key} is not the key of the certificate in ${files.cert}.`,
      'Use the certificate and the key of one pair.',
    );
  }
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw refusal(`${files.cert} cannot be used: ${messageOf(error)}.`, 'Create a new certificate.', error);
  }
  return {
    cert,
    key,
    names: parsed.subjectAltName ?? parsed.subject,
    notBeforeMs: Date.parse(parsed.validFrom),
    notAfterMs: Date.parse(parsed.validTo),
    state,
  };
}

async function readPem(file: string, setting: string, content: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const hint = `${setting} must name a file with the ${content} in PEM that this user may read.`;
    throw refusal(`${file} cannot be read: ${messageOf(error)}.`, hint, error);
  }
}

function parseCertificate(pem: Buffer, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    const hint = 'It must begin with -----BEGIN CERTIFICATE-----; openssl x509 -inform der converts DER to PEM.';
    throw refusal(`${file} has no PEM certificate.`, hint, error);
  }
}

function parseKey(pem: Buffer, file: string): KeyObject {
  if (/ENCRYPTED/.test(pem.toString('latin1'))) {
    const hint = `Remove the passphrase: openssl pkey -in ${file} -out plain.pem; then restrict the permissions of the file.`;
    throw refusal(`The private key in ${file} is encrypted.`, hint);
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const hint = 'It must begin with -----BEGIN PRIVATE KEY----- or a similar line.';
    throw refusal(`${file} has no PEM private key.`, hint, error);
  }
}

function refusal(detail: string, hint: string, cause?: unknown): OxbowError {
  return new OxbowError('bad-setting', detail, { extra: { hint }, cause });
}

/** Watches the files until aborted, applies each new certificate and logs it. */
export function followCertificate(
  files: CertificateFiles,
  shown: { use(certificate: Certificate): void },
  first: Certificate,
  { log, clock }: Pick<ServeDeps, 'log' | 'clock'>,
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

/** Receives the changes of watched files. */
interface CertificateWatch {
  /** A new pair was read; connections from now on should see it. */
  readonly changed: (certificate: Certificate) => void;
  /** The files changed and cannot be used; called once for each change. */
  readonly refused: (reason: OxbowError) => void;
}

/**
 * Watches the files until aborted, then resolves. A change counts once it is the same in two checks:
 * certificate and key are two files, replaced one after the other.
 *
 * @param first the certificate in use
 */
export async function watchCertificate(
  files: CertificateFiles,
  first: Certificate,
  { changed, refused }: CertificateWatch,
  { signal, everyMs = CHECK_INTERVAL_MS }: { readonly signal: AbortSignal; readonly everyMs?: number },
): Promise<void> {
  let current = first.state;
  let previous = current;
  for (;;) {
    try {
      await sleep(everyMs, { signal });
    } catch {
      return;
    }
    const state = await stateOf(files);
    const hasSettled = state === previous;
    previous = state;
    if (state === current || !hasSettled) continue;
    current = state;
    try {
      changed(await readCertificate(files));
    } catch (error) {
      refused(error instanceof OxbowError ? error : new OxbowError('internal', sentenceOf(error), { cause: error }));
    }
  }
}

/** Differs whenever either file does. */
async function stateOf({ cert, key }: CertificateFiles): Promise<string> {
  const states = await Promise.all(
    [cert, key].map(async (file) => {
      try {
        const { ino, size, mtimeMs } = await stat(file);
        return `${ino}:${size}:${mtimeMs}`;
      } catch {
        return 'missing'; // between removal and renewal; reading the file reports the error
      }
    }),
  );
  return states.join(' ');
}

/**
 * The certificate that HTTPS shows, and the watch over its files: certbot and its like replace them while oxbow runs.
 * In: two PEM files. Out: what the TLS server takes, now and after each good change. RFC 5280; RFC 7468.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Config } from '../../config/schema.ts';
import { sleep } from '../../lib/abort.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';

/** Where certificate and key lie; both in PEM, the certificate with its intermediates behind it. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/**
 * The files that the settings name; undefined where they name none.
 *
 * @throws OxbowError `bad-setting` where one of the two is missing
 */
export function certificateFiles({ cert, key }: Config['tls']): CertificateFiles | undefined {
  if (cert === '' && key === '') return undefined;
  if (cert !== '' && key !== '') return { cert, key };
  const [given, missing] = cert === '' ? ['key', 'cert'] : ['cert', 'key'];
  throw new OxbowError('bad-setting', `tls.${given} is set, tls.${missing} is not.`, {
    extra: { hint: 'HTTPS needs both: oxbow --tls-cert FILE --tls-key FILE' },
  });
}

/** A certificate that fits its key. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Names it is for, e.g. `DNS:tv.example`; the subject where it has none. */
  readonly names: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Of the files, from before they were read; another one means that they have changed since. */
  readonly state: string;
}

/** What is shown to those who connect. */
export type ShownCertificate = Pick<Certificate, 'cert' | 'key'>;

/** How often the files are looked at, ms. By looking, not by events: symbolic links are swapped, and network disks tell nothing. */
const LOOK_EVERY_MS = 2000;

/**
 * Reads and checks both files.
 *
 * @throws OxbowError `bad-setting` that says which file is wrong and what to do: missing, not PEM, encrypted, not of one pair
 */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const state = await stateOf(files);
  const cert = await readPem(files.cert, 'tls.cert', 'certificate');
  const key = await readPem(files.key, 'tls.key', 'private key');
  const parsed = parseCertificate(cert, files.cert);
  if (!parsed.checkPrivateKey(parseKey(key, files.key))) {
    throw refusal(
      `${files.key} is not the key of the certificate in ${files.cert}.`,
      'Give the two files of one pair.',
    );
  }
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw refusal(`${files.cert} cannot be used: ${messageOf(error)}.`, 'Make a new certificate.', error);
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

async function readPem(file: string, setting: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const hint = `${setting} must name a file with the ${what} in PEM that this user may read.`;
    throw refusal(`${file} cannot be read: ${messageOf(error)}.`, hint, error);
  }
}

function parseCertificate(pem: Buffer, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    const hint = 'It must begin with -----BEGIN CERTIFICATE-----; openssl x509 -inform der makes PEM of DER.';
    throw refusal(`${file} holds no certificate in PEM.`, hint, error);
  }
}

function parseKey(pem: Buffer, file: string): KeyObject {
  if (/ENCRYPTED/.test(pem.toString('latin1'))) {
    const hint = `Take the passphrase out: openssl pkey -in ${file} -out plain.pem; then protect the file by its rights.`;
    throw refusal(`The private key in ${file} is encrypted.`, hint);
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const hint = 'It must begin with -----BEGIN PRIVATE KEY----- or the like.';
    throw refusal(`${file} holds no private key in PEM.`, hint, error);
  }
}

function refusal(detail: string, hint: string, cause?: unknown): OxbowError {
  return new OxbowError('bad-setting', detail, { extra: { hint }, cause });
}

/** What the watch tells. */
export interface CertificateWatch {
  /** A new pair was read; connections from now on should see it. */
  readonly changed: (certificate: Certificate) => void;
  /** The files changed and cannot be used; told once for each change. */
  readonly refused: (reason: OxbowError) => void;
}

/**
 * Looks at the files until aborted, then resolves. A change counts when it has settled for one look: certificate and key
 * are two files, and whoever replaces them does so one after the other.
 *
 * @param first what is shown now
 */
export async function watchCertificate(
  files: CertificateFiles,
  first: Certificate,
  { changed, refused }: CertificateWatch,
  { signal, everyMs = LOOK_EVERY_MS }: { readonly signal: AbortSignal; readonly everyMs?: number },
): Promise<void> {
  let known = first.state;
  let seen = known;
  for (;;) {
    try {
      await sleep(everyMs, { signal });
    } catch {
      return;
    }
    const now = await stateOf(files);
    const hasSettled = now === seen;
    seen = now;
    if (now === known || !hasSettled) continue;
    known = now;
    try {
      changed(await readCertificate(files));
    } catch (error) {
      refused(error instanceof OxbowError ? error : new OxbowError('internal', messageOf(error), { cause: error }));
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
        return 'missing'; // between removal and renewal; reading it says more
      }
    }),
  );
  return states.join(' ');
}

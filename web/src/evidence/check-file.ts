/**
 * Verifies a file in the browser: it is read here, and nothing of it is sent.
 * In: a file, the keys of the server. Out: a report. docs/5-record/evidence.md.
 */
import { blockRanges } from '@oxbow/media/evidence/block-ranges';
import { webCrypto } from '@oxbow/media/evidence/crypto';
import { MAX_BOX_BYTES } from '@oxbow/media/evidence/evidence-box';
import type { EvidenceReport } from '@oxbow/media/evidence/report';
import { verifyFile } from '@oxbow/media/evidence/verify-file';
import { askServer } from '../api/client.ts';

/** Whether the browser can check signatures: only on a page that is secure. */
export function canVerify(): boolean {
  return globalThis.crypto?.subtle !== undefined;
}

/** Ids of the keys of the server of this page; none if it does not respond. */
export async function serverKeys(signal: AbortSignal): Promise<ReadonlySet<string>> {
  try {
    const { items } = await askServer(signal, (client, options) => client.listEvidenceKeys(options));
    return new Set(items.map(({ id }) => id));
  } catch {
    return new Set();
  }
}

/**
 * Verifies a file. Rejects with the reason of the signal, and with the error of the browser if the file
 * cannot be read.
 *
 * @param progress called with the share that is done, 0 to 1
 */
export async function checkFile(
  file: Blob,
  {
    signal,
    progress,
    sidecar,
  }: {
    readonly signal: AbortSignal;
    readonly progress: (share: number) => void;
    /** Its evidence, if that is next to it. */
    readonly sidecar?: Blob | undefined;
  },
): Promise<EvidenceReport> {
  const ranges = blockRanges(file.size, async (offset, length) => {
    return new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
  });
  const text = sidecar && new Uint8Array(await sidecar.slice(0, MAX_BOX_BYTES).arrayBuffer());
  return verifyFile(ranges, { crypto: webCrypto(crypto.subtle as never), signal, progress, sidecar: text });
}

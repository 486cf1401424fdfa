/**
 * A file that a client sends: kept in the temporary folder of the system while it is used.
 * In: a stream of bytes. Out: a path. The file is deleted with it.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OxbowError } from '../../../lib/errors.ts';
import { systemFiles } from '../../../lib/files/files.ts';
import { writeAll } from '../../../lib/files/write-all.ts';

/** A file on this computer. Disposing deletes it. */
export interface ReceivedFile extends AsyncDisposable {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Receives a file.
 *
 * @throws OxbowError `upload-too-large`; the signal's reason when aborted; errors of the disk and the client
 */
export async function receiveFile(
  stream: AsyncIterable<Uint8Array>,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<ReceivedFile> {
  const folder = await systemFiles.mkdtemp(join(tmpdir(), 'oxbow-heal-'));
  const remove = () => systemFiles.rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, 'media');
    await using file = await systemFiles.open(path, 'w');
    let bytes = 0;
    for await (const piece of stream) {
      signal.throwIfAborted();
      if (bytes + piece.length > maxBytes) {
        throw new OxbowError('upload-too-large', `The file has more than ${maxBytes} bytes (\`heal.maxBytes\`).`);
      }
      await writeAll(file, [piece], bytes);
      bytes += piece.length;
    }
    return { path, bytes, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * The contract of a server for an upload in chunks.
 * In: implemented over HTTP by http-chunk-server.ts, in memory by tests. Out: used by chunked-upload.ts.
 * Types only.
 */

/** An upload that the server knows. */
export interface UploadState {
  readonly uploadId: string;
  /** Id of the asset that it becomes. */
  readonly assetId: string;
  /** Numbers of the chunks that have arrived, from 1. */
  readonly received: ReadonlySet<number>;
  /** Bytes of each chunk but the last. */
  readonly chunkBytes: number;
  /** The server has the whole file and has accepted it. */
  readonly complete: boolean;
}

/** The requests of one upload. Each rejects with an OxbowProblem, or the reason of `signal`. */
export interface ChunkServer {
  /** Creates the upload. */
  begin(signal: AbortSignal): Promise<UploadState>;
  /** Looks an upload up; `upload-unknown` if it has expired. */
  status(uploadId: string, signal: AbortSignal): Promise<UploadState>;
  /**
   * Sends one chunk; the same one again has no effect.
   *
   * @param number from 1
   * @param sent called with the bytes of this chunk that have been sent, where that is known
   */
  send(
    uploadId: string,
    number: number,
    chunk: Blob,
    sent: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Ends the upload: the server assembles and accepts the file, or refuses it. */
  complete(uploadId: string, signal: AbortSignal): Promise<void>;
}

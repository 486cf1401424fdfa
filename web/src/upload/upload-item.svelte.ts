/**
 * One file of the upload page: from the choice of the file until its asset can be watched.
 * In: a file, or what a reload has left of it; the viewer's buttons. Out: fields that its row shows.
 */
import { OxbowProblem, type Problem } from '../../../src/client/problem.ts';
import type { UploadState } from '../../../src/client/upload/chunk-api.ts';
import { uploadInChunks } from '../../../src/client/upload/chunked-upload.ts';
import { httpChunkServer } from '../../../src/client/upload/http-chunk-server.ts';
import { TransferRate } from '../../../src/client/upload/transfer-rate.ts';
import { deleteAsset, updateAsset } from '../api/assets.ts';
import { ApiError, type Failure, failureOf, readFailure } from '../api/client.ts';
import { AssetWatch } from '../library/asset-watch.svelte.ts';
import { type ChosenFile, type FileHandles, fileOf, type KeptHandle } from './file-handles.ts';
import { type FileMark, isSameFile, type KeptUpload, type KeptUploads } from './kept-uploads.ts';
import { sendByXhr } from './xhr-sender.ts';

/**
 * Chunks of one file at the same time: with two files, four of the six connections that a browser opens to a
 * server.
 */
const PARALLEL = 2;

/**
 * `waiting`: for its turn; `interrupted`: the file has to be chosen again after a reload; `sent`: the server
 * has all of it, and its asset says what follows.
 */
type ItemState = 'waiting' | 'sending' | 'paused' | 'interrupted' | 'sent' | 'failed';

/** The title that the server gives a file: its name without the extension. */
export function titleOf(name: string): string {
  return name.replace(/\.[A-Za-z0-9]{1,5}$/, '').trim() || name;
}

/** One file. */
export class UploadItem {
  readonly mark: FileMark;
  state = $state<ItemState>('waiting');
  title = $state('');
  /** Bytes that have arrived. */
  bytes = $state(0);
  /** Bytes per second; null before it is known. */
  speed = $state<number | null>(null);
  secondsLeft = $state<number | null>(null);
  /** Why it is waiting for the server. */
  trouble = $state.raw<Problem | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** After a reload: the browser knows where the file is. */
  handle = $state.raw<KeptHandle | null>(null);
  /** After a reload: a file of the same name was chosen, but it has changed, or is another one. */
  isOther = $state(false);
  /** Follows the asset once it exists. */
  asset = $state.raw<AssetWatch | null>(null);
  readonly #kept: KeptUploads;
  readonly #handles: FileHandles;
  readonly #rate = new TransferRate();
  #file: File | null;
  #uploadId: string | undefined;
  #sending: AbortController | null = null;
  /**
   * The first request of a new upload is not aborted: without its answer the page could not remove what it
   * has created.
   */
  #isBeginning = false;
  #isCancelled = false;

  constructor(kept: KeptUploads, handles: FileHandles, from: ChosenFile | KeptUpload) {
    this.#kept = kept;
    this.#handles = handles;
    if ('file' in from) {
      this.mark = markOf(from.file);
      this.#file = from.file;
      this.title = titleOf(from.file.name);
      this.handle = from.handle ?? null;
    } else {
      this.mark = from;
      this.#file = null;
      this.#uploadId = from.uploadId;
      this.title = from.title;
      this.state = 'interrupted';
      this.#follow(from.assetId);
      void handles.of(from.uploadId).then((handle) => {
        if (this.state === 'interrupted') this.handle = handle ?? null;
      });
    }
  }

  /** 0 to 1. */
  get share(): number {
    if (this.mark.bytes === 0) return Number(this.state === 'sent');
    // Of an interrupted one only the server knows how much has arrived.
    const bytes = this.state === 'interrupted' ? (this.asset?.asset?.upload?.received ?? 0) : this.bytes;
    return bytes / this.mark.bytes;
  }

  /** Takes the file again after a reload; false if it is another file. */
  take({ file, handle }: ChosenFile): boolean {
    if (this.state !== 'interrupted') return false;
    const isSame = isSameFile(this.mark, markOf(file));
    this.isOther = !isSame && this.mark.name === file.name;
    if (!isSame) return false;
    this.#file = file;
    this.handle = handle ?? this.handle;
    this.state = 'waiting';
    return true;
  }

  /**
   * Takes the file again by its handle after a reload. Where that is not the file any more, it has to be
   * chosen.
   *
   * @param mayAsk whether the browser may ask the viewer: only in the event of a press
   */
  async takeKept(mayAsk: boolean): Promise<boolean> {
    const handle = this.handle ?? (this.#uploadId === undefined ? undefined : await this.#handles.of(this.#uploadId));
    const file = handle && (await fileOf(handle, mayAsk));
    if (handle && file && this.take({ file, handle })) return true;
    if (mayAsk) this.handle = null;
    return false;
  }

  /** Sends it, or the rest of it; resolves when that has ended, for whatever reason. */
  async send(): Promise<void> {
    const file = this.#file;
    if (!file) return;
    if (file.size === 0) {
      this.failure = { code: 'file-empty', status: 0, title: '', hint: '' };
      this.state = 'failed';
      return;
    }
    this.state = 'sending';
    this.failure = null;
    this.#isBeginning = this.#uploadId === undefined;
    this.#rate.reset();
    const sending = new AbortController();
    this.#sending = sending;
    try {
      await uploadInChunks(httpChunkServer({}, { file, filename: file.name, title: this.title }, sendByXhr), file, {
        parallel: PARALLEL,
        uploadId: this.#uploadId,
        onBegun: (upload) => this.#begun(upload),
        onProgress: ({ bytes, trouble }) => {
          this.bytes = bytes;
          this.trouble = trouble;
          this.#measure();
        },
        wake: window,
        signal: sending.signal,
      });
      this.state = 'sent';
      this.#forget();
    } catch (error) {
      if (sending.signal.aborted || this.#isCancelled) return;
      this.failure = await asFailure(error, file);
      this.state = 'failed';
      if (this.failure.code === 'no-video-file') this.#unfollow(); // the server keeps nothing of it
      if (error instanceof OxbowProblem && error.status >= 400 && error.status < 500) this.#forget();
    } finally {
      this.#isBeginning = false;
      this.trouble = null;
      this.speed = null;
      this.secondsLeft = null;
    }
  }

  pause(): void {
    if (this.state !== 'sending' && this.state !== 'waiting') return;
    this.state = 'paused';
    if (!this.#isBeginning) this.#sending?.abort();
  }

  /** It waits for its turn again. */
  resume(): void {
    if (this.state === 'paused' || this.state === 'failed') this.state = this.#isBeginning ? 'sending' : 'waiting';
  }

  /** Ends it, and removes what the server has of it. */
  async cancel(): Promise<void> {
    this.#isCancelled = true;
    if (this.#isBeginning) return; // it ends when the server has answered
    this.#forget();
    const id = this.asset?.id;
    this.close();
    if (id !== undefined) await this.#remove(id);
  }

  async #remove(id: string): Promise<void> {
    try {
      await deleteAsset(id, true, AbortSignal.timeout(30_000));
    } catch (error) {
      failureOf(error); // it expires by itself
    }
  }

  /** The title of the asset; before it exists, of the upload. */
  async rename(title: string): Promise<void> {
    this.title = title.trim() || titleOf(this.mark.name);
    if (this.#uploadId !== undefined && this.asset && this.state !== 'sent') this.#keep(this.asset.id);
    if (this.asset)
      this.asset.changed(await updateAsset(this.asset.id, { title: this.title }, AbortSignal.timeout(30_000)));
  }

  /** Updates speed and time left while nothing arrives. */
  tick(): void {
    if (this.state === 'sending') this.#measure();
  }

  close(): void {
    this.#sending?.abort();
    this.asset?.close();
  }

  #begun({ uploadId, assetId }: UploadState): void {
    this.#isBeginning = false;
    this.#uploadId = uploadId;
    if (this.#isCancelled) {
      this.#sending?.abort();
      void this.#remove(assetId);
      return;
    }
    this.#keep(assetId);
    if (this.asset?.id !== assetId) this.#follow(assetId);
    if (this.state === 'paused') this.#sending?.abort();
  }

  #follow(assetId: string): void {
    this.#unfollow();
    this.asset = new AssetWatch(assetId);
    this.asset.open();
  }

  #unfollow(): void {
    this.asset?.close();
    this.asset = null;
  }

  #keep(assetId: string): void {
    this.#kept.keep({ ...this.mark, uploadId: this.#uploadId!, assetId, title: this.title });
    if (this.handle) this.#handles.keep(this.#uploadId!, this.handle);
  }

  #forget(): void {
    if (this.#uploadId !== undefined) {
      this.#kept.forget(this.#uploadId);
      this.#handles.forget(this.#uploadId);
    }
    this.#uploadId = undefined;
  }

  #measure(): void {
    const nowMs = performance.now();
    this.#rate.record(this.bytes, nowMs);
    this.speed = this.#rate.speed(nowMs);
    this.secondsLeft = this.#rate.secondsLeft(this.mark.bytes - this.bytes, nowMs);
  }
}

function markOf({ name, size, lastModified }: File): FileMark {
  return { name, bytes: size, changedMs: lastModified };
}

/**
 * A file that was moved or changed since it was chosen cannot be read: the browser then reports a failed
 * request.
 */
async function asFailure(error: unknown, file: File): Promise<Failure> {
  const isReadable = await file
    .slice(0, 1)
    .arrayBuffer()
    .then(() => true)
    .catch(() => false);
  if (!isReadable) return { code: 'file-changed', status: 0, title: '', hint: '' };
  // Its text is about sources of streams elsewhere; and what the server found in the file is in English.
  if (error instanceof OxbowProblem && error.code === 'unsupported-media') {
    return { code: 'no-video-file', status: error.status, title: '', hint: '' };
  }
  if (error instanceof OxbowProblem) return readFailure(error.status, JSON.stringify(error.problem));
  if (error instanceof ApiError) return error.failure;
  throw error;
}

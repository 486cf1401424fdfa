/**
 * One file of the upload page: from the choice of the file until its asset can be watched.
 * In: a file, or what a reload has left of it; the viewer's buttons. Out: fields that its row shows.
 */
import { OxbowProblem } from '../../../src/client/problem.ts';
import type { UploadState } from '../../../src/client/upload/chunk-api.ts';
import { uploadInChunks } from '../../../src/client/upload/chunked-upload.ts';
import { httpChunkServer } from '../../../src/client/upload/http-chunk-server.ts';
import { deleteAsset, updateAsset } from '../api/assets.ts';
import { ApiError, type Failure, failureOf, readFailure } from '../api/client.ts';
import { AssetWatch } from '../library/asset-watch.svelte.ts';
import type { ChosenFile, FileHandles } from './file-handles.ts';
import type { KeptUpload, KeptUploads } from './kept-uploads.ts';
import { TransferProgress } from './transfer-progress.svelte.ts';
import { UploadFile } from './upload-file.svelte.ts';
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
  readonly file: UploadFile;
  readonly progress: TransferProgress;
  state = $state<ItemState>('waiting');
  title = $state('');
  failure = $state.raw<Failure | null>(null);
  /** Follows the asset once it exists. */
  asset = $state.raw<AssetWatch | null>(null);
  readonly #kept: KeptUploads;
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
    this.file = new UploadFile(handles, from);
    this.progress = new TransferProgress(this.file.mark.bytes);
    if ('file' in from) this.title = titleOf(from.file.name);
    else {
      this.#uploadId = from.uploadId;
      this.title = from.title;
      this.state = 'interrupted';
      this.#follow(from.assetId);
    }
  }

  /** 0 to 1. */
  get share(): number {
    const { mark } = this.file;
    if (mark.bytes === 0) return Number(this.state === 'sent');
    // Of an interrupted one only the server knows how much has arrived.
    const bytes = this.state === 'interrupted' ? (this.asset?.asset?.upload?.received ?? 0) : this.progress.bytes;
    return bytes / mark.bytes;
  }

  /** Takes the file again after a reload; false if it is another file. */
  take(chosen: ChosenFile): boolean {
    if (this.state !== 'interrupted' || !this.file.take(chosen)) return false;
    this.state = 'waiting';
    return true;
  }

  /**
   * Takes the file again by its handle after a reload. Where that is not the file any more, it has to be
   * chosen.
   *
   * @param mayAsk whether the browser may ask the viewer: only in the event of a press
   * @returns `ended`: another tab has sent or cancelled it, and its cut is gone
   */
  async takeKept(mayAsk: boolean): Promise<'taken' | 'missing' | 'ended'> {
    const found = await this.file.find(this.#uploadId, mayAsk);
    if (found && this.take(found)) return 'taken';
    if (mayAsk) this.file.handle = null;
    const isKept = this.#kept.all().some(({ uploadId }) => uploadId === this.#uploadId);
    return this.file.isGone && !isKept ? 'ended' : 'missing';
  }

  /** Sends it, or the rest of it; resolves when that has ended, for whatever reason. */
  async send(): Promise<void> {
    const file = this.file.content;
    if (!file) return;
    if (file.size === 0) {
      this.failure = { code: 'file-empty', status: 0, title: '', hint: '' };
      this.state = 'failed';
      return;
    }
    this.state = 'sending';
    this.failure = null;
    this.#isBeginning = this.#uploadId === undefined;
    this.progress.begin();
    const sending = new AbortController();
    this.#sending = sending;
    try {
      await uploadInChunks(httpChunkServer({}, { file, filename: file.name, title: this.title }, sendByXhr), file, {
        parallel: PARALLEL,
        uploadId: this.#uploadId,
        onBegun: (upload) => this.#begun(upload),
        onProgress: ({ bytes, trouble }) => this.progress.report(bytes, trouble),
        wake: window,
        signal: sending.signal,
      });
      this.state = 'sent';
      this.#forget();
      this.file.drop();
    } catch (error) {
      if (sending.signal.aborted || this.#isCancelled) return;
      this.failure = await asFailure(error, file);
      this.state = 'failed';
      if (this.failure.code === 'no-video-file') this.#unfollow(); // the server keeps nothing of it
      if (error instanceof OxbowProblem && error.status >= 400 && error.status < 500) this.#forget();
    } finally {
      this.#isBeginning = false;
      this.progress.end();
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
    this.file.drop();
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
    this.title = title.trim() || titleOf(this.file.mark.name);
    if (this.#uploadId !== undefined && this.asset && this.state !== 'sent') this.#keep(this.asset.id);
    if (this.asset)
      this.asset.changed(await updateAsset(this.asset.id, { title: this.title }, AbortSignal.timeout(30_000)));
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
    const { mark, cut } = this.file;
    const entry = { ...mark, uploadId: this.#uploadId!, assetId, title: this.title };
    this.#kept.keep(cut === undefined ? entry : { ...entry, cut });
    this.file.keepHandle(this.#uploadId!);
  }

  #forget(): void {
    if (this.#uploadId !== undefined) {
      this.#kept.forget(this.#uploadId);
      this.file.forgetHandle(this.#uploadId);
    }
    this.#uploadId = undefined;
  }
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

/**
 * The file of an upload: the browser forgets it with a reload, and it is found again by its handle or chosen
 * again.
 * In: a chosen file, or the mark of one that a reload has taken away. Out: its content; fields that its row
 * shows.
 */
import { dropCut, leaveCut, openCut } from './cut-files.ts';
import { type ChosenFile, type FileHandles, fileOf, type KeptHandle } from './file-handles.ts';
import { type FileMark, isSameFile, type KeptUpload } from './kept-uploads.ts';

/** What is uploaded; its content is missing between a reload and `take`. */
export class UploadFile {
  readonly mark: FileMark;
  /** Null after a reload, until the file is taken again. */
  content: File | null;
  /** After a reload: the browser knows where the file is. */
  handle = $state.raw<KeptHandle | null>(null);
  /** After a reload: a file of the same name was chosen, but it has changed, or is another one. */
  isOther = $state(false);
  /** Its id in the browser's storage, if it is the cut of a film. */
  readonly cut: string | undefined;
  /** After a reload: the browser has removed the cut, so that the upload cannot continue. */
  isGone = $state(false);
  readonly #handles: FileHandles;

  constructor(handles: FileHandles, from: ChosenFile | KeptUpload) {
    this.#handles = handles;
    this.cut = from.cut;
    if ('file' in from) {
      this.mark = markOf(from.file);
      this.content = from.file;
      this.handle = from.handle ?? null;
    } else {
      this.mark = from;
      this.content = null;
      void handles.of(from.uploadId).then((handle) => {
        if (!this.content) this.handle = handle ?? null;
      });
    }
  }

  /** Takes the file again after a reload; false if it is another file. */
  take({ file, handle, cut }: ChosenFile): boolean {
    const isSame = cut === this.cut && isSameFile(this.mark, markOf(file));
    this.isOther = !isSame && this.cut === undefined && this.mark.name === file.name;
    if (!isSame) return false;
    this.content = file;
    this.handle = handle ?? this.handle;
    return true;
  }

  /**
   * The file that the handle finds after a reload; it may be another one by now.
   *
   * @param uploadId the upload with which the handle is kept
   * @param mayAsk whether the browser may ask the viewer: only in the event of a press
   */
  async find(uploadId: string | undefined, mayAsk: boolean): Promise<ChosenFile | undefined> {
    if (this.cut !== undefined) {
      const file = await openCut(this.cut, this.mark.name);
      this.isGone = file === undefined;
      return file && { file, cut: this.cut };
    }
    const handle = this.handle ?? (uploadId === undefined ? undefined : await this.#handles.of(uploadId));
    const file = handle && (await fileOf(handle, mayAsk));
    return handle && file && { file, handle };
  }

  /** Keeps the handle for a reload. */
  keepHandle(uploadId: string): void {
    if (this.handle) this.#handles.keep(uploadId, this.handle);
  }

  /** It is not sent any more: removes the cut from the browser's storage. */
  drop(): void {
    if (this.cut !== undefined) void dropCut(this.cut);
  }

  /** It is not sent here any more: another page of the browser may continue. */
  leave(): void {
    if (this.cut !== undefined) leaveCut(this.cut);
  }

  /** Nothing is left to continue after a reload. */
  forgetHandle(uploadId: string): void {
    this.#handles.forget(uploadId);
  }
}

function markOf({ name, size, lastModified }: File): FileMark {
  return { name, bytes: size, changedMs: lastModified };
}

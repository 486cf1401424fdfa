/**
 * Uploads with tus-js-client in a page.
 * In: a page with a field for files, the path of a file. Out: the upload, as that client does it.
 */
import { join } from 'node:path';
import type { Page } from 'playwright-core';

const tusScript = join(import.meta.dirname, '..', '..', '..', 'node_modules', 'tus-js-client', 'dist', 'tus.min.js');

/**
 * Begins an upload in the page, or continues the one that the browser remembers; returns the address of that
 * one.
 */
export async function uploadWithTus(page: Page, path: string): Promise<string | null> {
  await page.addScriptTag({ path: tusScript });
  await page.locator('input').setInputFiles(path);
  return page.evaluate(async () => {
    const { tus } = window as unknown as { tus: typeof import('tus-js-client') };
    const { Upload } = tus;
    const done = Promise.withResolvers<string>();
    Object.assign(window, { uploaded: done.promise });
    const upload: import('tus-js-client').Upload = new Upload(document.querySelector('input')!.files![0]!, {
      endpoint: '/api/v1/uploads',
      retryDelays: Array.from({ length: 20 }, () => 50),
      metadata: { filename: 'by tus.mp4' },
      onSuccess: () => done.resolve(upload.url!),
      onError: done.reject,
    });
    const [previous] = await upload.findPreviousUploads();
    if (previous) upload.resumeFromPreviousUpload(previous);
    upload.start();
    return previous?.uploadUrl ?? null;
  });
}

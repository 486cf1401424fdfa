/**
 * Waits for wall time: V8 decides when it has collected a buffer.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { until } from '../../../test/fixtures/wait.ts';
import { startCollection } from '../memory/garbage-watch.ts';
import { isAtPage, PAGE_BYTES, pageMemory } from '../memory/page-memory.ts';
import { DirectWrites } from './direct.ts';
import { type FaultCode, openFaultyFiles } from './faulty-files.fixture.ts';
import { type Files, systemFiles } from './files.ts';

const MIB = 1024 * 1024;

suite('writing past the page cache', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oxbow-direct-'));
  });
  after(() => rm(folder, { recursive: true }));

  /** Files that note how files were opened. */
  function noting(fail?: NodeJS.ErrnoException): { files: Files; opened: string[] } {
    const opened: string[] = [];
    const files: Files = {
      ...systemFiles,
      async open(path, flags, mode) {
        opened.push(flags);
        if (flags === 'r+direct' && fail) throw fail;
        // This file system may not take direct writes.
        return systemFiles.open(path, flags === 'r+direct' ? 'r+' : flags, mode);
      },
    };
    return { files, opened };
  }

  async function write(direct: DirectWrites, files: Files, bytes: Uint8Array, position = 0): Promise<Buffer> {
    const path = join(folder, randomBytes(4).toString('hex'));
    {
      await using file = await files.open(path, 'wx');
      await direct.write(path, file, bytes, position);
      await file.datasync();
    }
    return readFile(path);
  }

  /** Random bytes at a page. */
  function pages(length: number): Buffer {
    const bytes = pageMemory.take(length);
    randomBytes(length).copy(bytes);
    return bytes;
  }

  test('the file has the bytes, of any length, on whatever this disk is', async () => {
    const direct = new DirectWrites(systemFiles);
    for (const length of [0, 1, PAGE_BYTES, 200_000, MIB, MIB + 1, 3 * MIB - 1]) {
      const bytes = pages(length);
      assert.ok((await write(direct, systemFiles, bytes)).equals(bytes), String(length));
    }
  });

  test('whole pages are written past it from memory at a page, all else as usual', async () => {
    const { files, opened } = noting();
    const direct = new DirectWrites(files);
    const large = pages(MIB + 5);
    const flagsOf = async (bytes: Uint8Array, position?: number) => {
      opened.length = 0;
      assert.ok((await write(direct, files, bytes, position)).subarray(position).equals(bytes));
      return opened.slice(1);
    };
    assert.deepEqual(await flagsOf(large), direct.isPossible ? ['r+direct'] : []);
    assert.deepEqual(await flagsOf(large.subarray(1)), []);
    assert.deepEqual(await flagsOf(randomBytes(MIB)), []);
    assert.deepEqual(await flagsOf(pages(1000)), []);
    assert.deepEqual(await flagsOf(large, 10), []);
  });

  test('a file system that refuses it is not tried again, and has the bytes', async () => {
    const { files, opened } = noting(Object.assign(new Error('refused'), { code: 'EINVAL' }));
    const direct = new DirectWrites(files);
    for (let round = 0; round < 2; round++) {
      const bytes = pages(MIB);
      assert.ok((await write(direct, files, bytes)).equals(bytes));
    }
    assert.equal(direct.isPossible, false);
    assert.ok(opened.filter((flags) => flags === 'r+direct').length <= 1, opened.join());
  });

  test('a failure of the disk is that of the write', async () => {
    const { files } = noting(Object.assign(new Error('broken'), { code: 'EIO' }));
    const direct = new DirectWrites(files);
    if (direct.isPossible) await assert.rejects(write(direct, files, pages(MIB)), { code: 'EIO' });
  });

  test('writes that are cut short or fail leave a file of the bytes, or an error', async () => {
    for (const code of ['SHORT', 'EIO', 'ENOSPC'] satisfies FaultCode[]) {
      for (let at = 0; at < 4; at++) {
        const { files } = openFaultyFiles(systemFiles, { code, at });
        const bytes = pages(MIB + 7);
        const written = await write(new DirectWrites(files), files, bytes).catch(
          (error: NodeJS.ErrnoException) => error.code,
        );
        if (typeof written === 'string') assert.equal(written, code);
        else assert.ok(written?.equals(bytes), `${code} ${at}`);
      }
    }
  });

  test('memory at pages says so, also of a part of it', () => {
    const bytes = pageMemory.take(3 * PAGE_BYTES + 1);
    assert.equal(bytes.length, 3 * PAGE_BYTES + 1);
    const views = [bytes, bytes.subarray(PAGE_BYTES), bytes.subarray(1), Buffer.alloc(MIB)];
    assert.deepEqual(views.map(isAtPage), [true, true, false, false]);
  });

  test('memory that is dropped is counted as garbage until it is collected', async () => {
    const before = pageMemory.garbageBytes;
    let bytes: Buffer | undefined = pageMemory.take(MIB);
    assert.equal(pageMemory.garbageBytes, before);
    pageMemory.drop(bytes);
    pageMemory.drop(bytes);
    assert.equal(pageMemory.garbageBytes, before + MIB);
    bytes = undefined;
    await until('it is collected', () => {
      startCollection();
      return pageMemory.garbageBytes <= before;
    });
  });
});

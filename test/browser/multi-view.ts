/**
 * Several test pictures on one page, and how far they are apart, measured from the strips of their pictures
 * at the same instant.
 * In: a server on this machine, whose clock is therefore that of the page. Out: drifts in ms, what each tile
 * shows.
 */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import type { Server } from '../fixtures/server.ts';
import { type SeenFrame, takeFrames } from './frames.ts';

/** The tiles are compared this often, ms. */
const INSTANT_MS = 100;
/** A picture that stays for longer than this is late by its age, ms. */
const STUCK_MS = 250;

/** Creates streams of the test picture. @param server with an administrator's token */
export async function createTestStreams(server: Server, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const body = JSON.stringify({ name, source: { type: 'test' } });
    const headers = { 'content-type': 'application/json' };
    const created = await server.fetch('/api/v1/streams', { method: 'POST', headers, body });
    assert.equal(created.status, 201, name);
  }
  await Promise.all(names.map((name) => server.stream(name)));
}

/** Longest wait for the first picture of a tile whose clock is read, ms. */
const MOST_LATER_MS = 60_000;

/** How far tiles are apart. All times in ms, sorted. */
export interface Drift {
  /** At each instant, from the earliest to the latest tile. */
  readonly apart: readonly number[];
  /** At each instant, how much older than the middle one the oldest tile is. */
  readonly older: readonly number[];
  readonly presented: number;
  readonly dropped: number;
}

/** Observes all tiles of a page for some seconds. @param streams that must have a picture at each instant */
export async function driftOf(page: Page, streams: readonly string[], seconds: number): Promise<Drift> {
  await takeFrames(page);
  const seen: SeenFrame[] = [];
  const tilesOf = () => streams.map((name) => seen.filter(({ stream, front }) => stream === name && front));
  const readOf = (tiles: readonly (readonly SeenFrame[])[]) =>
    tiles.map((frames) => frames.filter(({ utcMs, exact }) => utcMs !== null && exact));
  const endMs = performance.now() + seconds * 1000;
  // On a busy machine the clock in the picture of a tile may not have been read by then.
  const isOver = () =>
    performance.now() >= endMs + MOST_LATER_MS ||
    (performance.now() >= endMs && readOf(tilesOf()).every((frames) => frames.length > 0));
  while (!isOver()) {
    await pause(Math.min(2_000, Math.max(200, endMs - performance.now())));
    seen.push(...(await takeFrames(page)));
  }
  const tiles = tilesOf();
  const read = readOf(tiles);
  for (const [n, frames] of read.entries()) assert.ok(frames.length > 0, `${streams[n]} shows pictures`);
  const apart: number[] = [];
  const older: number[] = [];
  const lastMs = Math.max(...seen.map(({ atMs }) => atMs));
  const next = read.map(() => 0);
  const shown = tiles.map(() => 0);
  for (let atMs = Math.max(...read.map((frames) => frames[0]!.atMs)); atMs <= lastMs; atMs += INSTANT_MS) {
    const late = read.map((frames, n) => {
      while (frames[next[n]! + 1] && frames[next[n]! + 1]!.atMs <= atMs) next[n]! += 1;
      // Not every picture is read: those that are not read say as well that the tile plays.
      while (tiles[n]![shown[n]! + 1] && tiles[n]![shown[n]! + 1]!.atMs <= atMs) shown[n]! += 1;
      const frame = frames[next[n]!]!;
      const age = atMs - tiles[n]![shown[n]!]!.atMs;
      return frame.atMs - frame.utcMs! + (age > STUCK_MS ? age : 0);
    });
    late.sort((a, b) => a - b);
    apart.push(late.at(-1)! - late[0]!);
    older.push(late.at(-1)! - late[late.length >> 1]!);
  }
  const counted = tiles.flatMap((frames) => {
    const byElement = Map.groupBy(frames, ({ element }) => element);
    return [...byElement.values()].map((own) => ({
      presented: own.at(-1)!.presented - own[0]!.presented,
      dropped: own.at(-1)!.dropped - own[0]!.dropped,
    }));
  });
  const sum = (of: 'presented' | 'dropped') => counted.reduce((total, one) => total + one[of], 0);
  return { apart: sorted(apart), older: sorted(older), presented: sum('presented'), dropped: sum('dropped') };
}

/**
 * Observes the places of a page.
 * @returns ends that; the number of moments since at which a place had no picture
 */
export async function watchPlaces(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const places = [...document.querySelectorAll('[data-place]')].map((each) => {
      const { left, top } = each.getBoundingClientRect();
      return { x: left + 20, y: top + 20 };
    });
    const blanks: number[] = [];
    // A video keeps its last picture while it seeks or waits for media, until it gets another source.
    const pictured = new WeakSet<HTMLVideoElement>();
    const isPictured = (video: HTMLVideoElement) => {
      if (video.readyState >= 2 && video.videoWidth > 0) pictured.add(video);
      if (video.readyState === 0) pictured.delete(video);
      return pictured.has(video);
    };
    const hasPicture = (tile: Element, x: number, y: number) => {
      const { left, right, top, bottom } = tile.getBoundingClientRect();
      if (x < left || x > right || y < top || y > bottom) return false;
      return [...tile.querySelectorAll('video')].some((video) => {
        const { visibility, opacity } = getComputedStyle(video);
        return visibility === 'visible' && Number(opacity) > 0 && isPictured(video);
      });
    };
    let ends = false;
    const look = () => {
      const tiles = [...document.querySelectorAll('[data-stream]')];
      const isDragged = document.querySelector('.dragged') !== null; // its place is free meanwhile
      for (const { x, y } of places)
        if (!isDragged && !tiles.some((each) => hasPicture(each, x, y))) blanks.push(performance.now());
      if (!ends) requestAnimationFrame(look);
    };
    look();
    Object.assign(globalThis, {
      endPlaces: () => {
        ends = true;
        return blanks.length;
      },
    });
  });
  return () => page.evaluate(() => (globalThis as unknown as { endPlaces(): number }).endPlaces());
}

const sorted = (values: number[]) => values.sort((a, b) => a - b);

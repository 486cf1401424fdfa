/**
 * Where the pictures of a screen and a camera are on the picture that is sent.
 * In: sizes. Out: rectangles in pixels. Pure.
 */

/** Pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pixels from the top left. */
export interface Rectangle extends Size {
  readonly x: number;
  readonly y: number;
}

/** A corner of the picture. */
export type Corner = 'top-left' | 'top-right' | 'bottom-left' | 'bottom-right';

/** All corners, in reading order. */
export const corners: readonly Corner[] = ['top-left', 'top-right', 'bottom-left', 'bottom-right'];

/** Side of the camera picture and its distance from the edge, as shares of the picture's height. */
const INSET_SHARE = 0.28;
const MARGIN_SHARE = 0.03;

/** The largest place in the middle of a picture with the shape of another one. */
export function fitted(into: Size, of: Size): Rectangle {
  if (of.width <= 0 || of.height <= 0) return { x: 0, y: 0, ...into };
  const scale = Math.min(into.width / of.width, into.height / of.height);
  const width = Math.round(of.width * scale);
  const height = Math.round(of.height * scale);
  return { x: Math.round((into.width - width) / 2), y: Math.round((into.height - height) / 2), width, height };
}

/** The place of the camera in a corner; an upright camera has the same area as a wide one. */
export function inset(into: Size, camera: Size, corner: Corner): Rectangle {
  const shape = camera.width > 0 && camera.height > 0 ? camera.width / camera.height : 16 / 9;
  const area = (into.height * INSET_SHARE) ** 2 * (16 / 9);
  const height = Math.round(Math.sqrt(area / shape));
  const width = Math.round(height * shape);
  const margin = Math.round(into.height * MARGIN_SHARE);
  return {
    x: corner.endsWith('left') ? margin : into.width - width - margin,
    y: corner.startsWith('top') ? margin : into.height - height - margin,
    width,
    height,
  };
}

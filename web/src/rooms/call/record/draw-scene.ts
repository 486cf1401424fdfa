/**
 * Draws the picture of a recorded call: cameras, screens and initials with names.
 * In: tiles with their newest pictures. Out: a canvas. Colours are those of the dark theme, whatever theme
 * the recorder has.
 */

import { avatarLook } from '../../../components/avatar-look.ts';
import { iconPaths } from '../../../components/icons.ts';
import type { Picture } from '../../../studio/frames.ts';
import { fitted, type Rectangle } from '../../../studio/places.ts';
import { cropped, placesOf, shortened } from './grid.ts';

/** The drawn parts of a participant. */
export interface DrawnTile {
  /** Of the person. */
  readonly name: string;
  /** The text in the picture. */
  readonly label: string;
  readonly isScreen: boolean;
  readonly isMuted: boolean;
  readonly isSpeaking: boolean;
  /** Null: the initial is drawn. */
  readonly picture: Picture | null;
}

const colours = { back: '#0b1112', tile: '#1d292b', label: 'rgb(4 14 15 / 70%)', text: '#fff', speaking: '#6fd59a' };
/**
 * Height of the letters of a name, as a share of the height of the whole picture, and of its place in a small
 * one.
 */
const LETTER_SHARE = 0.025;
const MOST_LETTER_SHARE = 0.14;
/** Diameter of the circle with the initial, as a share of the height of its place. */
const FACE_SHARE = 0.42;

const mutedIcon = new Path2D(iconPaths['microphone-off']);
/** The grid of the icons. */
const ICON_SIZE = 24;

/** Draws all tiles. */
export function drawScene(context: CanvasRenderingContext2D, tiles: readonly DrawnTile[]): void {
  const { canvas } = context;
  const screens = tiles.filter(({ isScreen }) => isScreen);
  const people = tiles.filter(({ isScreen }) => !isScreen);
  const places = placesOf(canvas, people.length, screens.length);
  context.fillStyle = colours.back;
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const [at, tile] of people.entries()) drawTile(context, tile, places.people[at]!);
  for (const [at, tile] of screens.entries()) drawTile(context, tile, places.screens[at]!);
}

function drawTile(context: CanvasRenderingContext2D, tile: DrawnTile, place: Rectangle): void {
  const { picture, isScreen, isSpeaking } = tile;
  context.save();
  context.beginPath();
  context.roundRect(place.x, place.y, place.width, place.height, Math.round(place.height * 0.03));
  context.clip();
  context.fillStyle = colours.tile;
  context.fillRect(place.x, place.y, place.width, place.height);
  if (!picture) drawFace(context, tile.name, place);
  else if (isScreen || picture.height > picture.width) {
    const { x, y, width, height } = fitted(place, picture);
    context.drawImage(picture.image, place.x + x, place.y + y, width, height);
  } else {
    const { x, y, width, height } = cropped(picture, place);
    context.drawImage(picture.image, x, y, width, height, place.x, place.y, place.width, place.height);
  }
  drawLabel(context, tile, place);
  if (isSpeaking && !isScreen) {
    context.strokeStyle = colours.speaking;
    context.lineWidth = Math.max(4, context.canvas.height / 120); // its outer half is clipped
    context.beginPath();
    context.roundRect(place.x, place.y, place.width, place.height, Math.round(place.height * 0.03));
    context.stroke();
  }
  context.restore();
}

function drawFace(context: CanvasRenderingContext2D, name: string, place: Rectangle): void {
  const { letter, hue } = avatarLook(name);
  const [x, y] = [place.x + place.width / 2, place.y + place.height * 0.46];
  const radius = (place.height * FACE_SHARE) / 2;
  context.fillStyle = `hsl(${hue} 40% 70%)`;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = '#06201e';
  context.font = `700 ${Math.round(radius)}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(letter, x, y + radius * 0.06);
}

function drawLabel(context: CanvasRenderingContext2D, { label, isMuted, isScreen }: DrawnTile, place: Rectangle): void {
  const letters = Math.round(Math.min(context.canvas.height * LETTER_SHARE, place.height * MOST_LETTER_SHARE));
  const padding = Math.round(letters * 0.4);
  const height = letters + 2 * padding;
  const icon = isMuted && !isScreen ? letters + padding : 0;
  context.font = `600 ${letters}px system-ui, sans-serif`;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  const words = shortened(label, place.width - 4 * padding - icon, (text) => context.measureText(text).width);
  const [left, top] = [place.x + padding, place.y + place.height - padding - height];
  context.fillStyle = colours.label;
  context.beginPath();
  context.roundRect(left, top, context.measureText(words).width + 2 * padding + icon, height, padding);
  context.fill();
  context.fillStyle = colours.text;
  context.fillText(words, left + padding + icon, top + height / 2 + letters * 0.06);
  if (icon > 0) drawMuted(context, left + padding, top + padding, letters);
}

function drawMuted(context: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  context.save();
  context.translate(x, y);
  context.scale(size / ICON_SIZE, size / ICON_SIZE);
  context.strokeStyle = colours.text;
  context.lineWidth = 1.8;
  context.lineCap = 'round';
  context.stroke(mutedIcon);
  context.restore();
}

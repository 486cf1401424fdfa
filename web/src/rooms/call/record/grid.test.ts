import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_CALL } from '../../../../../src/api/room/call-shapes.ts';
import type { Rectangle } from '../../../studio/places.ts';
import { cropped, placesOf, shortened } from './grid.ts';

const size = { width: 1280, height: 720 };
const overlap = (one: Rectangle, other: Rectangle) =>
  one.x < other.x + other.width &&
  other.x < one.x + one.width &&
  one.y < other.y + other.height &&
  other.y < one.y + one.height;

test('every picture is inside, none covers another, and all of a kind have one size', () => {
  for (let people = 0; people <= MAX_CALL; people++) {
    for (let screens = 0; screens <= Math.min(8, people); screens++) {
      const places = placesOf(size, people, screens);
      const all = [...places.people, ...places.screens];
      assert.equal(all.length, people + screens);
      for (const kind of [places.people, places.screens])
        assert.ok(new Set(kind.map(({ width, height }) => `${width} ${height}`)).size <= 1);
      for (const [at, place] of all.entries()) {
        assert.ok(Object.values(place).every(Number.isInteger));
        assert.ok(place.x >= 0 && place.y >= 0 && place.width > 0 && place.height > 0);
        assert.ok(place.x + place.width <= size.width && place.y + place.height <= size.height);
        assert.ok(!all.slice(at + 1).some((other) => overlap(place, other)), `${people} people, ${screens} screens`);
      }
    }
  }
});

test('one person fills the picture, two are side by side, five are three above two in the middle', () => {
  const [alone] = placesOf(size, 1, 0).people;
  assert.ok(alone!.width > 1240);
  const [left, right] = placesOf(size, 2, 0).people;
  assert.equal(left!.y, right!.y);
  assert.ok(right!.x > left!.x + left!.width);
  const five = placesOf(size, 5, 0).people;
  assert.deepEqual(
    five.map(({ y }) => y === five[0]!.y),
    [true, true, true, false, false],
  );
  assert.ok(five[3]!.x > five[0]!.x && five[4]!.x < five[2]!.x);
});

test('a screen is large, and the people are beside it', () => {
  const { people, screens } = placesOf(size, 3, 1);
  assert.ok(screens[0]!.width > 0.7 * size.width);
  assert.ok(people.every(({ x, width }) => x > screens[0]!.x + screens[0]!.width && width < screens[0]!.width / 3));
});

test('a picture of another shape is cropped evenly', () => {
  assert.deepEqual(cropped({ width: 640, height: 480 }, { width: 320, height: 180 }), {
    x: 0,
    y: 60,
    width: 640,
    height: 360,
  });
  assert.deepEqual(cropped({ width: 640, height: 360 }, { width: 320, height: 180 }), {
    x: 0,
    y: 0,
    width: 640,
    height: 360,
  });
});

test('a long name is shortened by whole letters', () => {
  const widthOf = (text: string) => [...text].length * 10;
  assert.equal(shortened('Ann', 100, widthOf), 'Ann');
  assert.equal(shortened('Annabel Lee', 90, widthOf), 'Annabel…');
  assert.equal(shortened('👩👩👩', 20, widthOf), '👩…');
  assert.equal(shortened('Ann', 5, widthOf), 'A…');
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { type PlaybackState, positionAt } from '../../../src/api/room/playback.ts';
import { seeded } from '../rooms/chat/random.fixture.ts';
import { SimulatedTarget, START_MS, stateAt } from './sync.fixture.ts';
import { initialSync, type SyncEffect, type SyncEvent, type SyncState } from './sync-state.ts';
import { nextSync } from './sync-transitions.ts';

/** A simulated player whose transitions the test sees. */
class Picture {
  state: Readonly<SyncState> = initialSync;
  effects: SyncEffect[] = [];
  readonly target = new SimulatedTarget();
  readonly changes = new Set<string>();
  nowMs = 0;
  hidden = false;

  take(event: SyncEvent): void {
    const from = this.state;
    Object.freeze(from);
    const { state, effects } = nextSync(from, event, {
      nowMs: START_MS + this.nowMs,
      steadyMs: this.nowMs,
      hidden: this.hidden,
      changesRate: true,
      hasPositions: (item) => item !== 'link',
      target: this.target,
    });
    this.state = state;
    this.effects.push(...effects);
    const [before, after] = [from.phase.name, state.phase.name];
    if (before !== after) this.changes.add(`${event.type} ${before} ${after}`);
    const isPlaced = effects.map((effect) => effect.do).indexOf('place');
    assert.ok(isPlaced === -1 || isPlaced === effects.length - 1, 'nothing follows a seek');
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: SyncEffect): void {
    const { target } = this;
    if (effect.do === 'follow') target.follow(null, effect.playing, effect.rate);
    else if (effect.do === 'correct') target.correct(effect.factor);
    else if (effect.do === 'place') {
      const { positionsMs, playing, rate, placement } = effect;
      const isTaken = positionsMs.some((atMs) => target.follow(atMs, playing, rate));
      this.take({ type: isTaken ? 'placed' : 'refused', placement });
    }
  }

  /** Time passes in steps of 250 ms. */
  pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.nowMs += 25;
      this.target.pass(this.nowMs, 25);
      if (this.nowMs % 250 === 0) this.step();
    }
  }

  step(): void {
    this.effects = [];
    this.take({ type: 'due' });
    this.take({ type: 'step' });
  }

  /** The room plays as it does after ten seconds together. */
  static inStep(): Picture {
    const picture = new Picture();
    picture.take({ type: 'room', room: stateAt(1, -5_000) });
    picture.pass(10_000);
    return picture;
  }
}

suite('synchronization, without a browser', () => {
  test('a state of the room waits for its time, and then sends the player there once', () => {
    const picture = Picture.inStep();
    picture.target.bufferedTo = 400_000;
    picture.take({ type: 'room', room: stateAt(2, 11_000, { anchorMedia: 300_000 }) });
    picture.step();
    assert.equal(picture.state.room.rev, 1);
    picture.nowMs = 10_950;
    picture.step();
    assert.deepEqual([picture.state.room.rev, picture.state.phase.name], [2, 'placed']);
    assert.deepEqual(
      picture.effects.map((effect) => effect.do),
      ['place'],
    );
    picture.step();
    assert.deepEqual([picture.state.phase.name, picture.effects], ['loading', []]);
  });

  test('a picture in step needs no change', () => {
    const picture = Picture.inStep();
    const { state } = picture;
    picture.step();
    assert.deepEqual(picture.effects, [{ do: 'correct', factor: 1 }]);
    assert.deepEqual({ ...picture.state, supply: state.supply }, state);
  });

  test('a room that is changed while a picture waits for it does not leave the picture waiting', () => {
    for (const item of [null, 'link']) {
      const picture = Picture.inStep();
      picture.target.beginsMs = picture.target.positionMs + 1_000;
      picture.target.positionMs += 1_000;
      picture.target.bufferedFrom = picture.target.beginsMs;
      picture.pass(1_000);
      assert.equal(picture.state.phase.name, 'meeting');
      picture.take({ type: 'room', room: stateAt(2, picture.nowMs, { item }) });
      picture.step();
      assert.equal(picture.state.phase.name, item === null ? 'idle' : 'free');
    }
  });
});

/** Everything that can happen to a picture, at random. */
function walk(seed: number, changes: Set<string>): void {
  const below = seeded(seed);
  const picture = new Picture();
  const { target } = picture;
  let rev = 1;
  const room = (parts: Partial<PlaybackState>): void => {
    picture.take({ type: 'room', room: stateAt(rev++, picture.nowMs + below(600), parts) });
  };
  room({ anchorMedia: 60_000 });
  /** The media begins a little later than the room is, and is not in the browser before that. */
  const early = () => {
    const beginsMs = positionAt(picture.state.room, START_MS + picture.nowMs) + 500 + below(2_000);
    Object.assign(target, { beginsMs, positionMs: beginsMs, bufferedFrom: beginsMs, bufferedTo: beginsMs + 20_000 });
  };
  const happenings = [
    () => room({ playing: below(3) > 0, anchorMedia: below(300_000) }),
    () => room({ playing: below(2) > 0, rate: [1, 1.5][below(2)]!, anchorMedia: target.positionMs }),
    () => room({ item: [null, 'link', 'film'][below(3)]! }),
    () => picture.take({ type: 'room', room: stateAt(0, picture.nowMs, { anchorMedia: below(300_000) }) }),
    () => Object.assign(target, { stuck: !target.stuck }),
    () => Object.assign(target, { paused: true }),
    () => Object.assign(target, { ended: !target.ended }),
    () => Object.assign(target, { pictured: below(3) > 0 }),
    () => Object.assign(target, { edgeMs: target.positionMs + below(3_000) }),
    () => Object.assign(target, { edgeMs: Number.POSITIVE_INFINITY, stuck: false, beginsMs: 0 }),
    () => Object.assign(target, { beginsMs: target.positionMs - below(500) }),
    () => early(),
    () => early(),
    () => Object.assign(target, { busy: false, pictured: false, frames: [] }),
    () => Object.assign(target, { positionMs: target.positionMs + below(4_000) - 2_000 }),
    () => Object.assign(target, { bufferedTo: target.positionMs + below(1_000) }),
    () => Object.assign(target, { durationMs: below(2) ? null : target.positionMs + below(5_000) }),
    () => target.follow(target.positionMs, !target.paused, target.rate), // the player seeks by itself
    () => Object.assign(picture, { hidden: !picture.hidden }),
    () => picture.take({ type: 'wake' }),
    () => picture.take({ type: 'returned' }),
  ];
  for (let happened = 0; happened < 60; happened++) {
    picture.pass(250 * (1 + below(6)));
    happenings[below(happenings.length)]!();
  }
  for (const change of picture.changes) changes.add(change);
}

test('random events: the phase changes exactly as docs/7-together/in-step.md says', () => {
  const changes = new Set<string>();
  for (let seed = 0; seed < 340; seed++) walk(seed, changes);
  for (const seed of [712, 937, 2784, 3155]) walk(seed, changes); // rare changes
  const page = readFileSync(new URL('../../../docs/7-together/in-step.md', import.meta.url), 'utf8');
  const words = (cell: string) => [...cell.matchAll(/`([a-z]+)`/g)].map(([, word]) => word!);
  const documented = [...page.matchAll(/^\| (`[a-z]+`(?:, `[a-z]+`)*) \| ([^|]*) \| (`[a-z]+`) \|/gm)].flatMap(
    ([, events, from, to]) =>
      words(events!).flatMap((event) => words(from!).map((phase) => `${event} ${phase} ${words(to!)[0]}`)),
  );
  assert.deepEqual([...changes].sort(), documented.sort());
});

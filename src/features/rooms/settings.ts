/**
 * The settings of rooms, a part of the table of all settings.
 * In: the types of settings. Out: the section `rooms` for config/schema.ts.
 */
import { choice, duration, flag, integer, section } from '../../config/option.ts';

export const roomsSection = section({
  create: choice(
    ['users', 'everyone', 'admins', 'off'],
    'users',
    'Who may create rooms: people with an account, everyone (guests too), administrators, or no one.',
    { reload: 'live' },
  ),
  max: integer('10000', { min: 1, max: 1_000_000 }, 'Most rooms.', { reload: 'live' }),
  perUser: integer('10', { min: 1, max: 10_000 }, 'Most rooms of one person; administrators may have more.', {
    reload: 'live',
  }),
  capacity: integer('200', { min: 1, max: 10_000 }, 'Most people in a room. Rooms can set a smaller number.', {
    reload: 'live',
  }),
  connections: integer('20000', { min: 1, max: 1_000_000 }, 'Most connections to rooms (WebSockets) at once.', {
    reload: 'live',
  }),
  connectionsPerUser: integer('20', { min: 1, max: 100_000 }, 'Most connections to rooms of one person at once.', {
    reload: 'live',
  }),
  calls: flag(true, 'People in rooms may talk and show cameras and screens. Calls of more than four need `webrtc`.', {
    reload: 'live',
  }),
  messageRate: integer(
    '1',
    { min: 1, max: 1000 },
    'What a connection to a room may send, as a multiple of the usual rates. More than 1 is for programs and measurements.',
    { reload: 'live' },
  ),
  keep: duration('30d', 'A room is deleted when it was not used for this long.', { min: '1h', reload: 'live' }),
});

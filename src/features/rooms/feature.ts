/**
 * Rooms: people watch streams, recordings and assets together, with chat, polls and calls.
 * In: streams, the library, users, WebRTC. Out: the feature. docs/7-together/rooms.md.
 */
import { roomEvents } from '../../api/room/room-events.ts';
import { webhookRoutes } from '../../http/routes/webhooks.ts';
import { defineFeature } from '../feature.ts';
import { openStreamsElsewhere } from './cluster/streams-elsewhere.ts';
import { chatMetrics, roomMetrics } from './metrics.ts';
import { openMediaProxy, openMediaServers } from './open/media-elsewhere.ts';
import { openChats, startChatRetention } from './open/open-chats.ts';
import { openRooms } from './open/open-rooms.ts';
import type { RoomParts } from './parts.ts';
import { chatRefusals, proxyRefusals, roomRefusals } from './refusals.ts';
import { createRoomAdditions } from './room-additions.ts';
import { roomItemRoutes } from './routes/items.ts';
import { mediaServerRoutes } from './routes/media-servers.ts';
import { roomMemberRoutes } from './routes/members.ts';
import { roomMessageRoutes } from './routes/messages.ts';
import { roomPlaybackRoutes } from './routes/playback.ts';
import { roomPollRoutes } from './routes/polls.ts';
import { roomRoutes } from './routes/rooms.ts';
import { roomsSection } from './settings.ts';

/** The feature. */
export const rooms = defineFeature<RoomParts>({
  name: 'rooms',
  routes: [
    ...roomRoutes,
    ...roomMemberRoutes,
    ...roomItemRoutes,
    ...roomPlaybackRoutes,
    ...roomMessageRoutes,
    ...roomPollRoutes,
    ...mediaServerRoutes,
  ],
  after: webhookRoutes,
  additions: createRoomAdditions,
  adds: {
    settings: { rooms: roomsSection },
    refusals: { ...roomRefusals, ...chatRefusals, ...proxyRefusals },
    metrics: { ...roomMetrics, ...chatMetrics },
    events: roomEvents,
  },
  open(app, core) {
    const streamsElsewhere = openStreamsElsewhere(app, core);
    const chats = openChats(app, core, streamsElsewhere);
    const mediaServers = openMediaServers(app, core);
    const opened = openRooms(app, core, { chats, mediaServers, streamsElsewhere });
    core.hooks.abilities.set('createRooms', (user) => opened.mayCreate(user));
    return {
      own: {
        rooms: opened,
        chats,
        mediaServers,
        ...openMediaProxy(app, core, { rooms: opened, mediaServers }),
        socketLimits: () => app.settings.now.rooms,
      },
      start: () => startChatRetention(app, chats),
    };
  },
});

/**
 * Routes of cameras: the search, one that is looked at, the camera of a stream, its movements.
 * In: requests of administrators, and of users who may move a camera. Out: FoundCamera, Camera, StreamCamera.
 */
import { may } from '../../accounts/permissions.ts';
import type { Principal } from '../../accounts/principal.ts';
import {
  CameraGoto,
  CameraLogin,
  CameraMove,
  CameraPatch,
  CameraSettings,
  CameraView,
  FoundCameraList,
  StreamCamera,
} from '../../api/cameras/camera-shapes.ts';
import type { HttpDeps } from '../../http/deps.ts';
import type { RouteCall } from '../../http/route/route.ts';
import { findStream, NameParams } from '../../http/routes/streams/streams.ts';
import { OxbowError } from '../../lib/errors.ts';
import { rowsFor } from '../feature.ts';
import type { Cameras } from './cameras.ts';

/** Whether someone may move the camera of a stream that they may watch. */
function mayMove(name: string, principal: Principal, cameras: Cameras): boolean {
  const movers = cameras.moversOf(name);
  return principal.isAdmin || (movers === 'users' && may(principal, 'user'));
}

/**
 * Throws unless the caller may move the camera of a stream.
 *
 * @throws OxbowError `stream-unknown`; `unauthorized`, `forbidden`
 */
async function assertMoves(
  name: string,
  { principal, sees }: Pick<RouteCall, 'principal' | 'sees'>,
  cameras: Cameras,
  deps: HttpDeps,
): Promise<void> {
  await findStream(name, sees, deps);
  if (mayMove(name, principal, cameras)) return;
  if (principal.owner === '') throw new OxbowError('unauthorized', 'Cameras are moved by people who are signed in.');
  throw new OxbowError('forbidden', `Only administrators move the camera of ${name}.`);
}

const defineRoute = rowsFor<Cameras>();

const forAdmins = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/cameras/find',
    tag: 'streams',
    access: 'admin',
    sentence: 'Searches the networks of the server for cameras (WS-Discovery), for three seconds.',
    limit: 'probe',
    replies: { 200: FoundCameraList },
    answer: async (_, cameras) => ({ body: { items: await cameras.find(), nextCursor: null } }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/cameras/look',
    tag: 'streams',
    access: 'admin',
    sentence: 'Describes a camera over ONVIF: maker, model, profiles, and a still picture.',
    body: CameraLogin,
    limit: 'probe',
    replies: { 200: CameraView },
    answer: async ({ body, signal }, cameras) => ({ body: await cameras.look(body, { signal }) }),
  }),
  defineRoute({
    method: 'PUT',
    path: '/api/v1/streams/:name/camera',
    tag: 'streams',
    access: 'admin',
    sentence: 'Sets the camera of a stream. Without a stream of this name, one is created that shows the camera.',
    params: NameParams,
    body: CameraSettings,
    replies: { 200: StreamCamera, 201: StreamCamera },
    async answer({ params: { name }, body, principal, signal }, cameras) {
      const { camera, isNew } = await cameras.set(name, body, { principal, signal });
      return { status: isNew ? 201 : 200, body: camera };
    },
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/streams/:name/camera',
    tag: 'streams',
    access: 'admin',
    sentence: 'Changes what becomes of the events of the camera of a stream, and who may move it.',
    params: NameParams,
    body: CameraPatch,
    replies: { 200: StreamCamera },
    answer: async ({ params: { name }, body }, cameras) => ({ body: await cameras.change(name, body) }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/camera',
    tag: 'streams',
    access: 'admin',
    sentence: 'Forgets the camera of a stream, with its user and password. The stream stays.',
    params: NameParams,
    replies: { 204: undefined },
    async answer({ params: { name } }, cameras) {
      await cameras.remove(name);
      return { status: 204 };
    },
  }),
];

const forMovers = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/camera',
    tag: 'streams',
    access: 'viewer',
    sentence: 'Returns the camera of a stream: whether the caller may move it, and for administrators its settings.',
    params: NameParams,
    replies: { 200: StreamCamera },
    async answer({ params: { name }, principal, sees }, cameras, deps) {
      await findStream(name, sees, deps);
      const caller = { isAdmin: principal.isAdmin, mayMove: mayMove(name, principal, cameras) };
      return { body: await cameras.view(name, caller) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/camera/move',
    tag: 'streams',
    access: 'self',
    sentence: 'Moves a camera until it is stopped, or until this is not repeated for 1.5 s.',
    params: NameParams,
    body: CameraMove,
    isRoutine: true,
    replies: { 204: undefined },
    async answer({ params: { name }, body, ...call }, cameras, deps) {
      await assertMoves(name, call, cameras, deps);
      await cameras.move(name, body);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/camera/stop',
    tag: 'streams',
    access: 'self',
    sentence: 'Ends every movement of a camera.',
    params: NameParams,
    isRoutine: true,
    replies: { 204: undefined },
    async answer({ params: { name }, ...call }, cameras, deps) {
      await assertMoves(name, call, cameras, deps);
      await cameras.move(name, {});
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/camera/goto',
    tag: 'streams',
    access: 'self',
    sentence: 'Moves a camera to one of its places.',
    params: NameParams,
    body: CameraGoto,
    replies: { 204: undefined },
    async answer({ params: { name }, body: { preset }, ...call }, cameras, deps) {
      await assertMoves(name, call, cameras, deps);
      await cameras.goTo(name, preset);
      return { status: 204 };
    },
  }),
];

/** The rows. */
export const cameraRoutes = [...forAdmins, ...forMovers];

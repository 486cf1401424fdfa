// Made by `npm run generate` from the sources; do not edit.

/**
 * A method for each operation of the API.
 * In: parameters of path and query by name, and `body`. Out: what the server answers; OxbowProblem is thrown where it refuses.
 */
import type { CallOptions, Requester } from './request.ts';
import type {
  DeliveryList,
  ExportJob,
  ExportSettings,
  ExportTicket,
  GapList,
  JobList,
  JobView,
  LogLevelView,
  LogList,
  MadeToken,
  MarkerList,
  MarkerView,
  MeView,
  NewMarker,
  NewPin,
  NewStream,
  NewToken,
  NewWatchToken,
  NewWebhookView,
  PinList,
  PinView,
  ProbeRequest,
  ProbeView,
  SessionList,
  SessionView,
  SettingList,
  SignIn,
  SignInLink,
  SignInWays,
  StorageView,
  StreamList,
  StreamSettings,
  StreamView,
  SystemView,
  TimelineView,
  TimeView,
  TokenList,
  WatchToken,
  WebhookList,
  WebhookSettings,
  WebhookTestView,
  WebhookView,
} from './shapes.ts';

/** Every operation. */
export class Operations {
  readonly #request: Requester;

  /** @param request makes the requests */
  constructor(request: Requester) {
    this.#request = request;
  }

  /** Lists the public streams by name; administrators see all. */
  listStreams(
    input?: {
      /** items of a page, at most 1000 */
      limit?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<StreamList> {
    return this.#request({ method: 'GET', path: '/api/v1/streams' }, input, options);
  }

  /** Makes a stream. */
  createStream(
    input: {
      body: NewStream;
    },
    options?: CallOptions,
  ): Promise<StreamView> {
    return this.#request({ method: 'POST', path: '/api/v1/streams' }, input, options);
  }

  /** Tells what a stream is doing now. */
  getStream(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<StreamView> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}' }, input, options);
  }

  /** Replaces the settings of a stream, or makes it. */
  replaceStream(
    input: {
      /** Name of a stream. */
      name: string;
      body: StreamSettings;
    },
    options?: CallOptions,
  ): Promise<StreamView> {
    return this.#request({ method: 'PUT', path: '/api/v1/streams/{name}' }, input, options);
  }

  /** Removes a stream; its recordings stay unless `recordings=delete`. */
  deleteStream(
    input: {
      /** Name of a stream. */
      name: string;
      recordings?: 'keep' | 'delete';
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}' }, input, options);
  }

  /** Starts a stream that was stopped. */
  startStream(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/start' }, input, options);
  }

  /** Stops a stream until it is started; the time until then is offline, not a gap. */
  stopStream(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/stop' }, input, options);
  }

  /** Connects to the source anew. */
  restartStream(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/restart' }, input, options);
  }

  /** Returns the picture of a stream. */
  getStreamPicture(
    input: {
      /** Name of a stream. */
      name: string;
      /** the version that `picture` of the stream names */
      v?: string;
    },
    options?: CallOptions,
  ): Promise<Response> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/picture', answer: 'file' }, input, options);
  }

  /** Sets the picture of a stream: a JPEG, PNG or WebP file of at most 1 MiB. */
  replaceStreamPicture(
    input: {
      /** Name of a stream. */
      name: string;
      /** A file whose `type` is one of: image/jpeg, image/png, image/webp. */
      body: Blob;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'PUT', path: '/api/v1/streams/{name}/picture' }, input, options);
  }

  /** Removes the picture of a stream. */
  deleteStreamPicture(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}/picture' }, input, options);
  }

  /** Looks at an address: what it is, its tracks and qualities, how far back it goes. The address itself may be private; private addresses that it leads to must be in `net.allow`. */
  probe(
    input: {
      body: ProbeRequest;
    },
    options?: CallOptions,
  ): Promise<ProbeView> {
    return this.#request({ method: 'POST', path: '/api/v1/probe' }, input, options);
  }

  /** All that is known of a stretch of the past: media, gaps with their causes, offline. */
  getStreamTimeline(
    input: {
      /** Name of a stream. */
      name: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. A day before `to` unless given. */
      from?: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Or a duration after `from`: 90s, 2h. Now unless given. */
      to?: string;
      /** Seconds: what is finer may be merged, with the sums kept. Without it, only what is too much. From 600 on windows are left out. */
      res?: string;
    },
    options?: CallOptions,
  ): Promise<TimelineView> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/timeline' }, input, options);
  }

  /** The stretches without media, oldest first, each with its cause. */
  listStreamGaps(
    input: {
      /** Name of a stream. */
      name: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. A day before `to` unless given. */
      from?: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Or a duration after `from`: 90s, 2h. Now unless given. */
      to?: string;
    },
    options?: CallOptions,
  ): Promise<GapList> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/gaps' }, input, options);
  }

  /** The markers of a stream, oldest first, a thousand at a time. */
  listStreamMarkers(
    input: {
      /** Name of a stream. */
      name: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. All of them unless given. */
      from?: string;
      /** Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC. Or a duration after `from`: 90s, 2h. */
      to?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<MarkerList> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/markers' }, input, options);
  }

  /** Marks an instant. */
  createStreamMarker(
    input: {
      /** Name of a stream. */
      name: string;
      body: NewMarker;
    },
    options?: CallOptions,
  ): Promise<MarkerView> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/markers' }, input, options);
  }

  /** Deletes a marker. */
  deleteStreamMarker(
    input: {
      /** Name of a stream. */
      name: string;
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}/markers/{id}' }, input, options);
  }

  /** The pins of a stream, oldest first. */
  listStreamPins(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<PinList> {
    return this.#request({ method: 'GET', path: '/api/v1/streams/{name}/pins' }, input, options);
  }

  /** Pins a stretch: retention leaves every ten-minute window that it touches alone. */
  createStreamPin(
    input: {
      /** Name of a stream. */
      name: string;
      body: NewPin;
    },
    options?: CallOptions,
  ): Promise<PinView> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/pins' }, input, options);
  }

  /** Deletes a pin; what is older than it should be goes at the next pass of retention. */
  deleteStreamPin(
    input: {
      /** Name of a stream. */
      name: string;
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/streams/{name}/pins/{id}' }, input, options);
  }

  /** Asks for a range of a recording as one file; Location names the job. */
  createExport(
    input: {
      body: ExportSettings;
    },
    options?: CallOptions,
  ): Promise<ExportJob> {
    return this.#request({ method: 'POST', path: '/api/v1/exports' }, input, options);
  }

  /** The file of an export, whole or by range. */
  getExportFile(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<Response> {
    return this.#request({ method: 'GET', path: '/api/v1/exports/{id}/file', answer: 'file' }, input, options);
  }

  /** Gives an address of the file that a browser can fetch as a plain download, for fifteen minutes. */
  createExportTicket(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<ExportTicket> {
    return this.#request({ method: 'POST', path: '/api/v1/exports/{id}/tickets' }, input, options);
  }

  /** The file of an export, for whoever has a ticket; whole or by range. */
  getDownload(
    input: {
      ticket: string;
    },
    options?: CallOptions,
  ): Promise<Response> {
    return this.#request({ method: 'GET', path: '/api/v1/downloads/{ticket}', answer: 'file' }, input, options);
  }

  /** Lists jobs, newest first, 200 a page unless `limit` says otherwise. */
  listJobs(
    input?: {
      /** items of a page, at most 1000 */
      limit?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<JobList> {
    return this.#request({ method: 'GET', path: '/api/v1/jobs' }, input, options);
  }

  /** Tells how far a job is, and what came of it. */
  getJob(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<JobView> {
    return this.#request({ method: 'GET', path: '/api/v1/jobs/{id}' }, input, options);
  }

  /** Cancels a job; one that is done is forgotten, and its file deleted. */
  deleteJob(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<JobView> {
    return this.#request({ method: 'DELETE', path: '/api/v1/jobs/{id}' }, input, options);
  }

  /** Who asks, as oxbow sees it. */
  getMe(options?: CallOptions): Promise<MeView> {
    return this.#request({ method: 'GET', path: '/api/v1/me' }, undefined, options);
  }

  /** Tells how this browser can sign in. */
  getSignIn(options?: CallOptions): Promise<SignInWays> {
    return this.#request({ method: 'GET', path: '/api/v1/sign-in' }, undefined, options);
  }

  /** Signs a browser in, by the code of a one-time link, by the admin token, or by one press on the computer where oxbow runs; the answer sets the cookie. */
  createSession(
    input: {
      body: SignIn;
    },
    options?: CallOptions,
  ): Promise<SessionView> {
    return this.#request({ method: 'POST', path: '/api/v1/sessions' }, input, options);
  }

  /** Lists the browsers that are signed in, the one used last first. */
  listSessions(options?: CallOptions): Promise<SessionList> {
    return this.#request({ method: 'GET', path: '/api/v1/sessions' }, undefined, options);
  }

  /** Signs a browser out; `current` is the one that asks. */
  deleteSession(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/sessions/{id}' }, input, options);
  }

  /** Makes a link that signs a browser in, once, within 15 minutes. */
  createSignInLink(options?: CallOptions): Promise<SignInLink> {
    return this.#request({ method: 'POST', path: '/api/v1/sign-in-links' }, undefined, options);
  }

  /** Lists the tokens of programs, oldest first, without the tokens themselves. */
  listTokens(options?: CallOptions): Promise<TokenList> {
    return this.#request({ method: 'GET', path: '/api/v1/tokens' }, undefined, options);
  }

  /** Makes a token for a program: `admin` may do everything, `view` may watch and read. */
  createToken(
    input: {
      body: NewToken;
    },
    options?: CallOptions,
  ): Promise<MadeToken> {
    return this.#request({ method: 'POST', path: '/api/v1/tokens' }, input, options);
  }

  /** Takes a token back, at once. */
  deleteToken(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/tokens/{id}' }, input, options);
  }

  /** Makes a link by which a signed stream can be watched until it expires: 366 days at most, of a private one 24 h. */
  createStreamWatchToken(
    input: {
      /** Name of a stream. */
      name: string;
      body: NewWatchToken;
    },
    options?: CallOptions,
  ): Promise<WatchToken> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/watch-tokens' }, input, options);
  }

  /** Ends every right to watch this stream that was given so far, at once. */
  revokeStreamWatchTokens(
    input: {
      /** Name of a stream. */
      name: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'POST', path: '/api/v1/streams/{name}/watch-tokens/revoke' }, input, options);
  }

  /** Lists the webhooks, oldest first. */
  listWebhooks(
    input?: {
      /** items of a page, at most 1000 */
      limit?: string;
      /** `nextCursor` of the answer before this one */
      cursor?: string;
    },
    options?: CallOptions,
  ): Promise<WebhookList> {
    return this.#request({ method: 'GET', path: '/api/v1/webhooks' }, input, options);
  }

  /** Sets a webhook; the answer shows its secret, and no other one does. */
  createWebhook(
    input: {
      body: WebhookSettings;
    },
    options?: CallOptions,
  ): Promise<NewWebhookView> {
    return this.#request({ method: 'POST', path: '/api/v1/webhooks' }, input, options);
  }

  /** Shows a webhook. */
  getWebhook(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<WebhookView> {
    return this.#request({ method: 'GET', path: '/api/v1/webhooks/{id}' }, input, options);
  }

  /** Sets a webhook anew; it keeps its secret unless another one is given. One that was disabled goes on. */
  replaceWebhook(
    input: {
      id: string;
      body: WebhookSettings;
    },
    options?: CallOptions,
  ): Promise<WebhookView> {
    return this.#request({ method: 'PUT', path: '/api/v1/webhooks/{id}' }, input, options);
  }

  /** Removes a webhook; what waits for it is not sent. */
  deleteWebhook(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<void> {
    return this.#request({ method: 'DELETE', path: '/api/v1/webhooks/{id}' }, input, options);
  }

  /** The newest 50 deliveries, newest first, with what became of them. */
  listWebhookDeliveries(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<DeliveryList> {
    return this.#request({ method: 'GET', path: '/api/v1/webhooks/{id}/deliveries' }, input, options);
  }

  /** Sends an event `webhook.test` at once, and tells how it went. */
  testWebhook(
    input: {
      id: string;
    },
    options?: CallOptions,
  ): Promise<WebhookTestView> {
    return this.#request({ method: 'POST', path: '/api/v1/webhooks/{id}/test' }, input, options);
  }

  /** The server's time, so that players can measure how far theirs is off. */
  getTime(options?: CallOptions): Promise<TimeView> {
    return this.#request({ method: 'GET', path: '/api/v1/time' }, undefined, options);
  }

  /** Version, memory, disk and number of streams. */
  getSystem(options?: CallOptions): Promise<SystemView> {
    return this.#request({ method: 'GET', path: '/api/v1/system' }, undefined, options);
  }

  /** The disk that recordings lie on: how full it is, how fast it fills, when it will be full. */
  getStorage(options?: CallOptions): Promise<StorageView> {
    return this.#request({ method: 'GET', path: '/api/v1/storage' }, undefined, options);
  }

  /** The settings in force, each with where it was set and whether a change needs a restart; without secrets. */
  listSettings(options?: CallOptions): Promise<SettingList> {
    return this.#request({ method: 'GET', path: '/api/v1/settings' }, undefined, options);
  }

  /** The last lines of the log, oldest first, at most 500; `level` gives that level and what is graver. */
  listLogs(
    input?: {
      level?: LogLevelView;
      /** only what is about this stream */
      stream?: string;
      /** `id` of a line: only what was written after it */
      after?: string;
    },
    options?: CallOptions,
  ): Promise<LogList> {
    return this.#request({ method: 'GET', path: '/api/v1/logs' }, input, options);
  }
}

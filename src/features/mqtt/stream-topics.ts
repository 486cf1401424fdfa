/**
 * The topics of a stream, and the messages that describe it to Home Assistant.
 * In: the view of a stream. Out: retained messages by topic. Pure. docs/9-run/mqtt.md;
 * https://www.home-assistant.io/integrations/mqtt, "MQTT discovery", device discovery.
 */
import type { StreamView } from '../../api/shapes.ts';

/** Where messages of this server go. */
export interface TopicNames {
  /** First part of all topics, e.g. `oxbow`. */
  readonly prefix: string;
  /** First part of the topics of discovery, e.g. `homeassistant`. */
  readonly discovery: string;
  /** Name of this node; empty without a cluster. */
  readonly node: string;
  /** Whether recordings can be switched. */
  readonly commands: boolean;
  /** Whether motion is reported. */
  readonly motion: boolean;
  /** Address of the server for its users, without a slash at its end; undefined: not known. */
  readonly publicUrl: string | undefined;
}

/** What the messages of a stream are made of. */
export interface StreamFacts {
  readonly view: Pick<StreamView, 'name' | 'title' | 'state' | 'problem' | 'record' | 'liveSince'>;
  /** Whether the picture changed much; undefined: not known. */
  readonly motion: boolean | undefined;
  readonly clip: LastClip | undefined;
}

/** The clip of a stream that was created last. */
export interface LastClip {
  readonly id: string;
  readonly title: string;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** Retained messages by topic; an empty one deletes what the server retained. */
export type Messages = ReadonlyMap<string, string>;

/** Topic that says whether this node is connected: `online` or `offline`. */
export function statusTopic({ prefix, node }: Pick<TopicNames, 'prefix' | 'node'>): string {
  return node === '' ? `${prefix}/status` : `${prefix}/nodes/${node}/status`;
}

/** Topic filter of the commands for all streams. */
export function commandFilter(prefix: string): string {
  return `${prefix}/streams/+/record/set`;
}

/** The stream that a command is for; undefined for other topics. */
export function commandedStream(topic: string, prefix: string): string | undefined {
  const [first, streams, name, ...rest] = topic.split('/');
  return first === prefix && streams === 'streams' && rest.join('/') === 'record/set' ? name : undefined;
}

/** What the messages of a stream say now. */
export function messagesOf(facts: StreamFacts, names: TopicNames): Messages {
  const { view, motion, clip } = facts;
  const base = baseOf(view.name, names);
  const { title, problem, liveSince } = view;
  const messages = new Map([
    [discoveryTopic(view.name, names), JSON.stringify(describe(facts, names))],
    [`${base}/state`, view.state],
    [`${base}/live`, onOff(view.state === 'live')],
    [`${base}/record`, onOff(view.record)],
    [`${base}/attributes`, JSON.stringify({ title, problem, liveSince })],
  ]);
  if (names.motion) messages.set(`${base}/motion`, motion === undefined ? 'None' : onOff(motion));
  if (clip) messages.set(`${base}/clip`, JSON.stringify({ ...clip, url: addressOf(`/c/${clip.id}`, names) }));
  return messages;
}

/** Messages that remove a stream. */
export function removalOf(name: string, names: TopicNames): Messages {
  const base = baseOf(name, names);
  const topics = ['state', 'live', 'record', 'attributes', 'motion', 'clip'].map((each) => `${base}/${each}`);
  return new Map([discoveryTopic(name, names), ...topics].map((topic) => [topic, '']));
}

function baseOf(name: string, { prefix }: TopicNames): string {
  return `${prefix}/streams/${name}`;
}

function discoveryTopic(name: string, { discovery, prefix }: TopicNames): string {
  return `${discovery}/device/${prefix}_${name}/config`;
}

function addressOf(path: string, { publicUrl }: TopicNames): string | undefined {
  return publicUrl === undefined ? undefined : `${publicUrl}${path}`;
}

const onOff = (is: boolean): string => (is ? 'ON' : 'OFF');

/** The stream as a device of Home Assistant. */
function describe({ view: { name, title } }: StreamFacts, names: TopicNames): object {
  const base = baseOf(name, names);
  const id = `${names.prefix}_${name}`;
  const components: Record<string, object> = {
    state: {
      ...entity('sensor', 'State', id),
      state_topic: `${base}/state`,
      json_attributes_topic: `${base}/attributes`,
    },
    live: { ...entity('binary_sensor', 'Live', id), state_topic: `${base}/live`, device_class: 'running' },
    clip: {
      ...entity('sensor', 'Last clip', id),
      state_topic: `${base}/clip`,
      value_template: '{{ value_json.createdAt }}',
      device_class: 'timestamp',
      json_attributes_topic: `${base}/clip`,
    },
  };
  if (names.motion) {
    const motion = { state_topic: `${base}/motion`, device_class: 'motion' };
    components.motion = { ...entity('binary_sensor', 'Motion', id), ...motion };
  }
  const record = { state_topic: `${base}/record` };
  components.record = names.commands
    ? { ...entity('switch', 'Recording', id), ...record, command_topic: `${base}/record/set` }
    : { ...entity('binary_sensor', 'Recording', id), ...record };
  return {
    device: {
      identifiers: [id],
      name: title === '' ? name : title,
      manufacturer: 'oxbow',
      model: 'stream',
      configuration_url: addressOf(`/watch/${name}`, names),
    },
    origin: { name: 'oxbow' },
    availability_topic: statusTopic(names),
    components,
  };
}

function entity(platform: string, name: string, id: string): object {
  const key = name.toLowerCase().replaceAll(' ', '_');
  return { platform, name, unique_id: `${id}_${key}` };
}

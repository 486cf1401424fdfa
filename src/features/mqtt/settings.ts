/**
 * The settings of MQTT.
 * In: the types of settings. Out: the section `mqtt` for config/schema.ts.
 */
import { flag, integer, section } from '../../config/option.ts';
import { mqttUrl, namePrefix } from '../../config/sections/server-option.ts';

export const mqttSection = section({
  url: mqttUrl(
    'MQTT server that gets the states of streams, for Home Assistant and others: `mqtt://USER:PASSWORD@HOST:PORT`, or `mqtts://` for TLS. Default: none.',
  ),
  prefix: namePrefix('oxbow', 'First part of the topics of this server. Two servers at one MQTT server need two.'),
  discovery: namePrefix(
    'homeassistant',
    'First part of the topics at which Home Assistant finds devices: that of its setting `discovery_prefix`.',
  ),
  commands: flag(
    true,
    'Whether clients of the MQTT server may switch the recording of a stream, by a message to `PREFIX/streams/NAME/record/set`.',
  ),
  motion: integer(
    '10',
    { min: 0, max: 255 },
    'Change of the picture that counts as motion: the mean difference of the luma within ten seconds, 0 to 255, of the part of the picture that changed most. 0: no motion is reported.',
  ),
});

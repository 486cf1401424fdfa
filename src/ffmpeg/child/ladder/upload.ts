/**
 * Copies pictures into the memory of a VAAPI device, whose encoders take no others.
 * In: NV12 pictures in memory. Out: pictures on the device. Native code: child processes only.
 */
import { AV_HWDEVICE_TYPE_VAAPI, AV_PIX_FMT_NV12, AV_PIX_FMT_VAAPI } from 'node-av/constants';
import { type CodecContext, HardwareDeviceContext, HardwareFramesContext, Frame as Picture } from 'node-av/lib';
import { renderNodePath } from '../../../lib/platform.ts';
import type { LadderVideoRendition } from '../../ladder-options.ts';
import { must } from '../native.ts';

/** Pictures on the device at a time: the encoder holds some. */
const POOL = 20;

/** The format in which an encoder takes pictures, by its name in FFmpeg. */
export function pixelFormatOf({
  hardware = '',
  semiPlanar,
}: Pick<LadderVideoRendition, 'hardware' | 'semiPlanar'>): 'nv12' | 'yuv420p' {
  return semiPlanar || /_(?:vaapi|qsv)$/.test(hardware) ? 'nv12' : 'yuv420p';
}

/** Pictures on one device, for one encoder. */
export class DeviceUpload implements Disposable {
  readonly #device = new HardwareDeviceContext();
  readonly #frames = new HardwareFramesContext();
  readonly #picture = new Picture();

  /**
   * Prepares an encoder that is not open yet.
   *
   * @param node name of a render node, e.g. `renderD128`; undefined: the first one
   * @throws Error if there is no device
   */
  constructor(context: CodecContext, node: string | undefined) {
    const path = node === undefined ? null : renderNodePath(node);
    must(this.#device.create(AV_HWDEVICE_TYPE_VAAPI, path, null), 'opening the VAAPI device');
    const frames = this.#frames;
    frames.alloc(this.#device);
    frames.format = AV_PIX_FMT_VAAPI;
    frames.swFormat = AV_PIX_FMT_NV12;
    frames.width = context.width;
    frames.height = context.height;
    frames.initialPoolSize = POOL;
    must(frames.init(), 'preparing pictures on the VAAPI device');
    context.pixelFormat = AV_PIX_FMT_VAAPI;
    context.hwFramesCtx = frames;
    this.#picture.alloc();
  }

  /** Copies a picture; valid until the next one. */
  upload(picture: Picture): Picture {
    const copy = this.#picture;
    copy.unref();
    must(this.#frames.getBuffer(copy), 'a picture on the device');
    must(this.#frames.transferDataSync(copy, picture), 'copying a picture to the device');
    return copy;
  }

  [Symbol.dispose](): void {
    this.#picture.free();
    this.#frames.free();
    this.#device.free();
  }
}

// The image of a server that boots from a volume has no bytes: its property `block_device_mapping` names a snapshot of each
// volume. Pure.

import { any, array, as, integer, nullable, open, optional, parse, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { BlockDevicePart } from '#/services/compute/servers/create.schema.ts';
import type { BlockDevice } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';

/** @param snapshots by the device's id, of its volume */
export function mappingOf(devices: BlockDevice[], snapshots: Map<string, { id: string; sizeGib: number }>): string {
  return JSON.stringify(
    devices.map(device => {
      const snapshot = snapshots.get(device.id);
      return {
        source_type: snapshot ? 'snapshot' : device.source,
        destination_type: device.destination,
        snapshot_id: snapshot?.id ?? null,
        volume_id: null,
        image_id: null,
        volume_size: snapshot?.sizeGib ?? device.sizeGib,
        boot_index: device.bootIndex,
        device_name: device.device,
        guest_format: device.guestFormat,
        delete_on_termination: device.deleteOnTermination === 1,
        tag: device.tag,
      };
    }),
  );
}

const name = () => optional(nullable(string({ max: 255 })));
const mapping = array(
  open({
    source_type: string({ max: 20 }),
    destination_type: string({ max: 20 }),
    snapshot_id: name(),
    volume_size: optional(nullable(integer())),
    boot_index: optional(nullable(integer())),
    device_name: name(),
    guest_format: name(),
    delete_on_termination: optional(as<unknown>(any())),
    tag: name(),
  }),
  { max: 64 },
);

/** The disks that a server of such an image gets. @throws Problem invalid: users write properties, too */
export function readMapping(text: string): BlockDevicePart[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Problem('invalid', t.badBlockDevice, { why: 'the image’s block_device_mapping is no JSON' });
  }
  return parse(mapping, value, t.badImageMapping).map(part => {
    const { source_type: source, destination_type: destination } = part;
    const fromSnapshot = source === 'snapshot' && destination === 'volume' && part.snapshot_id;
    if (!fromSnapshot && !(source === 'blank' && destination === 'local'))
      throw new Problem('invalid', t.badBlockDevice, {
        why: `the image names a ${source} that becomes ${destination}`,
      });
    return {
      source_type: fromSnapshot ? 'snapshot' : 'blank',
      destination_type: fromSnapshot ? 'volume' : 'local',
      ...(fromSnapshot ? { uuid: part.snapshot_id! } : {}),
      // A swap disk is as large as the flavor says.
      volume_size: fromSnapshot ? part.volume_size : null,
      boot_index: part.boot_index,
      device_name: part.device_name,
      guest_format: part.guest_format,
      delete_on_termination: part.delete_on_termination,
      ...(part.tag ? { tag: part.tag } : {}),
    };
  });
}

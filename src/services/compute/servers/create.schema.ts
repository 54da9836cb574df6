// What a server may be asked for, by microversion.

import {
  any,
  array,
  as,
  either,
  integer,
  looseBoolean,
  nullable,
  object,
  oneOf,
  open,
  optional,
  string,
  type TSchema,
} from '#/platform/http/schema.ts';
import { looseInteger, metadata, name, uuid } from '#/services/compute/wire.ts';

export interface NetworkPart {
  uuid?: string;
  port?: string;
  fixed_ip?: string;
  tag?: string;
}

export interface BlockDevicePart {
  boot_index?: number | string | null;
  source_type?: 'volume' | 'image' | 'snapshot' | 'blank';
  destination_type?: 'local' | 'volume';
  uuid?: string;
  volume_size?: number | string | null;
  delete_on_termination?: unknown;
  device_name?: string | null;
  guest_format?: string | null;
  no_device?: unknown;
  tag?: string;
  volume_type?: string | null;
}

export interface OldBlockDevicePart {
  volume_id?: string;
  snapshot_id?: string;
  device_name?: string;
  volume_size?: number | string | null;
  delete_on_termination?: unknown;
}

export interface CreateAsk {
  name: string;
  imageRef?: string;
  flavorRef: string | number;
  adminPass?: string;
  metadata?: Record<string, string>;
  networks?: NetworkPart[] | 'auto' | 'none';
  'OS-DCF:diskConfig'?: 'AUTO' | 'MANUAL';
  accessIPv4?: string;
  accessIPv6?: string;
  personality?: { path: string; contents: string }[];
  availability_zone?: string;
  block_device_mapping?: OldBlockDevicePart[];
  block_device_mapping_v2?: BlockDevicePart[];
  config_drive?: unknown;
  min_count?: number | string;
  max_count?: number | string;
  return_reservation_id?: unknown;
  key_name?: string;
  security_groups?: { name: string }[];
  user_data?: string | null;
  description?: string | null;
  tags?: string[];
  trusted_image_certificates?: string[] | null;
  host?: string;
  hypervisor_hostname?: string;
  hostname?: string;
}

export interface Hints {
  group?: string;
  different_host?: string | string[];
  same_host?: string | string[];
  [other: string]: unknown;
}

export interface CreateBody {
  server: CreateAsk;
  'os:scheduler_hints'?: Hints;
  'OS-SCH-HNT:scheduler_hints'?: Hints;
}

export const tag = () => string({ min: 1, max: 60, pattern: '^[^,/]*$' });
export const hostname = (since94: boolean) =>
  since94
    ? string({ min: 2, max: 255, pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-.]*[a-zA-Z0-9]+$' })
    : string({ min: 2, max: 63, pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$' });
export const description = () =>
  nullable(string({ max: 255, pattern: '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f]*$' }));
export const userData = () => string({ max: 65_535 });
export const ipv4 = () =>
  either(
    string({ pattern: '^$' }),
    string({ pattern: '^(25[0-5]|2[0-4]\\d|1?\\d?\\d)(\\.(25[0-5]|2[0-4]\\d|1?\\d?\\d)){3}$' }),
  );
export const ipv6 = () => string({ max: 45, pattern: '^$|^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$' });
const fixedIp = () => string({ min: 2, max: 45, pattern: '^[0-9a-fA-F:.]+$' });
export const personality = () => array(object({ path: string({ max: 4096 }), contents: string({ max: 1_048_576 }) }));
export const password = () => string({ max: 255 });
export const diskConfig = () => oneOf('AUTO', 'MANUAL');
export const trustedCertificates = () => nullable(array(string({ min: 1 }), { min: 1, max: 50, unique: true }));
/** A URL or an id, or nothing for a server that boots from a volume. */
export const imageRef = () => string({ max: 2048 });
export const flavorRef = () => either(string({ min: 1, max: 2048 }), integer({ min: 0 }));

const deviceName = () => nullable(string({ min: 1, max: 255, pattern: '^[a-zA-Z0-9._/-]*$' }));

function blockDevice(minor: number): TSchema {
  return object({
    boot_index: optional(nullable(either(integer(), string({ pattern: '^-?[0-9]{1,4}$' })))),
    source_type: optional(oneOf('volume', 'image', 'snapshot', 'blank')),
    destination_type: optional(oneOf('local', 'volume')),
    uuid: optional(string({ min: 1, max: 255, pattern: '^[a-zA-Z0-9._-]*$' })),
    image_id: optional(uuid()),
    volume_id: optional(uuid()),
    snapshot_id: optional(uuid()),
    volume_size: optional(nullable(looseInteger({ min: 1 }))),
    delete_on_termination: optional(looseBoolean()),
    device_name: optional(deviceName()),
    device_type: optional(nullable(string({ max: 255 }))),
    disk_bus: optional(nullable(string({ max: 255 }))),
    guest_format: optional(nullable(string({ max: 255 }))),
    no_device: optional(as<unknown>(any())),
    ...(minor === 32 || minor >= 42 ? { tag: optional(tag()) } : {}),
    ...(minor >= 67 ? { volume_type: optional(nullable(string({ max: 255 }))) } : {}),
  });
}

function networks(minor: number): TSchema {
  const one = object({
    uuid: optional(uuid()),
    port: optional(nullable(uuid())),
    fixed_ip: optional(fixedIp()),
    ...((minor >= 32 && minor <= 36) || minor >= 42 ? { tag: optional(tag()) } : {}),
  });
  return minor >= 37 ? either(array(one), oneOf('auto', 'none')) : optional(array(one));
}

/** Hints that no filter here reads are taken and have no effect, as with Nova. */
const hints = open({
  group: optional(uuid()),
  different_host: optional(either(uuid(), array(uuid()))),
  same_host: optional(either(uuid(), array(uuid()))),
});

function bodyFor(minor: number): TSchema {
  const server = object({
    name: name(),
    imageRef: optional(imageRef()),
    flavorRef: flavorRef(),
    adminPass: optional(password()),
    metadata: optional(metadata()),
    networks: networks(minor),
    'OS-DCF:diskConfig': optional(diskConfig()),
    accessIPv4: optional(ipv4()),
    accessIPv6: optional(ipv6()),
    availability_zone: optional(string({ min: 1, max: 255 })),
    block_device_mapping: optional(
      array(
        object({
          volume_id: optional(uuid()),
          snapshot_id: optional(uuid()),
          device_name: optional(deviceName()),
          volume_size: optional(nullable(looseInteger({ min: 1 }))),
          delete_on_termination: optional(looseBoolean()),
          virtual_name: optional(string({ max: 255 })),
          no_device: optional(as<unknown>(any())),
          connection_info: optional(string({ max: 4096 })),
        }),
      ),
    ),
    block_device_mapping_v2: optional(array(blockDevice(minor))),
    config_drive: optional(nullable(looseBoolean())),
    min_count: optional(looseInteger({ min: 1 })),
    max_count: optional(looseInteger({ min: 1 })),
    return_reservation_id: optional(looseBoolean()),
    key_name: optional(nullable(string({ min: 1, max: 255 }))),
    security_groups: optional(array(object({ name: string({ min: 1, max: 255 }) }))),
    user_data: optional(nullable(userData())),
    ...(minor >= 19 ? { description: optional(description()) } : {}),
    ...(minor >= 52 ? { tags: optional(array(tag(), { max: 50, unique: true })) } : {}),
    ...(minor < 57 ? { personality: optional(personality()) } : {}),
    ...(minor >= 63 ? { trusted_image_certificates: optional(trustedCertificates()) } : {}),
    ...(minor >= 74
      ? { host: optional(string({ min: 1, max: 255 })), hypervisor_hostname: optional(string({ min: 1, max: 255 })) }
      : {}),
    ...(minor >= 90 ? { hostname: optional(hostname(minor >= 94)) } : {}),
  });
  return object({
    server,
    'os:scheduler_hints': optional(hints),
    'OS-SCH-HNT:scheduler_hints': optional(hints),
  });
}

export const createBodies: Record<string, TSchema> = Object.fromEntries(
  [1, 19, 32, 33, 37, 42, 52, 57, 63, 67, 74, 90, 94].map(minor => [`2.${minor}`, bodyFor(minor)]),
);

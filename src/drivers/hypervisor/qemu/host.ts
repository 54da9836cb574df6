// What all guests of one driver share.

import { access, chmod, constants, readFile, stat } from 'node:fs/promises';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import type { Tools } from '#/drivers/tools.ts';
import type { Channel } from '#/platform/channel/channel.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Acceleration } from './accelerator.ts';
import type { Images } from './images.ts';
import type { GuestUser } from './process.ts';

export interface QemuHost {
  directory: string;
  user: GuestUser;
  tools: Tools;
  images: Images;
  shutdownTimeoutMs: number;
  hostBootId: string;
  /** To other hosts; null where there is no way to them. */
  channel: Channel | null;
  acceleration(): Promise<Acceleration>;
}

/** Changes with every boot of the machine. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/**
 * Lets the guest user open the tun device, as every distribution's udev does (0666): the kernel lets it
 * attach only to interfaces that were made for this user.
 */
export async function openTun(): Promise<void> {
  const { mode } = await stat('/dev/net/tun');
  if ((mode & 0o006) !== 0o006) await chmod('/dev/net/tun', 0o666);
}

const firmwares = [
  { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  { code: '/usr/share/OVMF/OVMF_CODE.fd', variables: '/usr/share/OVMF/OVMF_VARS.fd' },
  { code: '/usr/share/edk2/ovmf/OVMF_CODE.fd', variables: '/usr/share/edk2/ovmf/OVMF_VARS.fd' },
];

/** The UEFI firmware of this machine. @throws Problem unavailable where none is installed */
export async function findFirmware(): Promise<{ code: string; variables: string }> {
  for (const firmware of firmwares)
    if (
      await access(firmware.code, constants.R_OK).then(
        () => true,
        () => false,
      )
    )
      return firmware;
  throw new Problem('unavailable', hypervisorTexts.noFirmware);
}

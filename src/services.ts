// Every service of the cloud: one line each.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Authenticator } from '#/platform/access/caller.ts';
import { openJwsKeyRing, openKeyRing } from '#/platform/access/key-ring.ts';
import { createPasswords, type PasswordCost, type Passwords } from '#/platform/access/passwords.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Config } from '#/platform/config/config.ts';
import type { Database } from '#/platform/database/database.ts';
import { createFetchOut } from '#/platform/http/fetch-out.ts';
import type { ServerOptions } from '#/platform/http/server.ts';
import type { Service } from '#/platform/http/service.ts';
import type { Logger } from '#/platform/log/log.ts';
import { consolePage, consoleUpgrade } from '#/services/compute/consoles/console-proxy.ts';
import { computeService } from '#/services/compute/service.ts';
import { blockStorageService } from '#/services/block-storage/service.ts';
import type { OperatorSettings } from '#/services/compute/settings.ts';
import type { NetworkSettings } from '#/services/network/settings.ts';
import type { QuotaDefaults } from '#/services/block-storage/quotas/quota.store.ts';
import { projectByName } from '#/services/identity/contract.ts';
import { identityService } from '#/services/identity/service.ts';
import { registerBuiltImage, registerSimulatedImage } from '#/services/image/guest-image.ts';
import { imageService } from '#/services/image/service.ts';
import { networkService } from '#/services/network/service.ts';
import { placementService } from '#/services/placement/service.ts';

export interface ServicesOptions {
  db: Database;
  bus: Bus;
  clock: Clock;
  random: Random;
  log: Logger;
  config: Config;
  publicUrl(): string;
  /** Where services keep files and keys; null: a directory of its own below the system's temporary one. */
  directory: string | null;
  passwordCost?: PasswordCost;
  /** Instead of hashes by threads of this process alone. */
  passwords?: Passwords;
  simulated: boolean;
}

export interface Services {
  services: Service[];
  authenticator: Authenticator;
  /** First rows of a new cloud; changes nothing where they are there. */
  seed(secrets: { adminPassword: string }): Promise<void>;
  /** Registers the images that `up` built, where there are some; or a small dummy for simulated hosts. */
  guestImage(directory: string): Promise<void>;
  upgrade?: ServerOptions['upgrade'];
  page?: ServerOptions['page'];
}

export async function createServices(options: ServicesOptions): Promise<Services> {
  const { db, clock, random, log, config, publicUrl } = options;
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'haneul-'));
  const passwords = options.passwords ?? createPasswords({ random, cost: options.passwordCost });
  const follows = config.clusterServers.length > 0;
  const keys = openKeyRing({ directory: join(directory, 'fernet-keys'), random, clock, follows });
  const credentialKeys = openKeyRing({ directory: join(directory, 'credential-keys'), random, clock, follows });
  const identity = identityService({
    db,
    clock,
    random,
    keys,
    ...(config.tokenProvider === 'jws'
      ? { signingKeys: openJwsKeyRing({ directory: join(directory, 'jws-keys'), clock, follows }) }
      : {}),
    credentialKeys,
    keysAreKept: config.clusterServers.length === 0,
    passwords,
    tokenLifetimeSeconds: config.tokenLifetimeSeconds,
    compliance: config,
    limitModel: config.limitModel,
    fetchOut: createFetchOut({ clock, allowed: config.outgoingAllowedNetworks }),
    trustedDashboards: config.trustedDashboards,
    log,
  });
  const services: Service[] = [
    identity.service,
    placementService,
    imageService({ directory: config.imageDirectory ?? join(directory, 'images'), clock }),
    blockStorageService({ quotas: volumeQuotas(config) }),
    networkService({
      dhcpAgentsPerNetwork: config.dhcpAgentsPerNetwork,
      l3Ha: config.l3Ha,
      l3HaAgents: config.l3AgentsPerRouter,
      underlayMtu: config.underlayMtu,
      quotas: networkQuotas(config),
    }),
    computeService({
      bus: options.bus,
      resizeOnSameHost: config.allowResizeToSameHost,
      resizeConfirmWindowSeconds: config.resizeConfirmWindowSeconds,
      operator: { ...config, quotas: computeQuotas(config) },
    }),
  ];
  return {
    services,
    authenticator: identity.authenticator,
    upgrade: consoleUpgrade({ db, bus: options.bus, clock, log, publicUrl }),
    page: consolePage(),
    async guestImage(built) {
      const projectId = await db.read(async tx => (await projectByName(tx, 'admin'))?.id ?? '');
      if (options.simulated) await registerSimulatedImage({ db }, { name: 'cirros-simulated', projectId });
      else await registerBuiltImage({ db, random }, { directory: built, projectId });
    },
    async seed({ adminPassword }) {
      const settings = {
        region: config.regionName,
        publicUrl: publicUrl(),
        adminPassword,
        adminPasswordHash: await passwords.hash(adminPassword),
        services: services.map(({ name, type, catalogName, aliases, catalogPath }) => ({
          name,
          type,
          catalogName,
          aliases,
          catalogPath,
        })),
        externalCidr: config.externalNetworkCidr,
        simulated: options.simulated,
      };
      await db.write(async tx => {
        for (const service of services) await service.seed?.(tx, settings);
      });
    },
  };
}

function computeQuotas({ quotas }: Config): OperatorSettings['quotas'] {
  return {
    instances: quotas.instances,
    cores: quotas.cores,
    ram: quotas.ramMib,
    metadata_items: quotas.metadataItems,
    injected_files: quotas.injectedFiles,
    injected_file_content_bytes: quotas.injectedFileContentBytes,
    injected_file_path_bytes: quotas.injectedFilePathBytes,
    key_pairs: quotas.keyPairs,
    server_groups: quotas.serverGroups,
    server_group_members: quotas.serverGroupMembers,
    // Those of networks are the network service's.
    fixed_ips: -1,
    floating_ips: -1,
    security_groups: -1,
    security_group_rules: -1,
  };
}

function networkQuotas({ quotas }: Config): NetworkSettings['quotas'] {
  return {
    network: quotas.networks,
    subnet: quotas.subnets,
    subnetpool: quotas.subnetPools,
    port: quotas.ports,
    router: quotas.routers,
    floatingip: quotas.floatingIps,
    security_group: quotas.securityGroups,
    security_group_rule: quotas.securityGroupRules,
    rbac_policy: quotas.rbacPolicies,
    address_group: -1,
  };
}

function volumeQuotas({ quotas }: Config): QuotaDefaults {
  return {
    volumes: quotas.volumes,
    snapshots: quotas.volumeSnapshots,
    gigabytes: quotas.volumeGib,
    per_volume_gigabytes: quotas.perVolumeGib,
    backups: quotas.backups,
    backup_gigabytes: quotas.backupGib,
    groups: quotas.volumeGroups,
  };
}

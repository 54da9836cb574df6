// `haneul join`: this machine becomes part of a cloud. Its key is made here and stays here. Run again on a machine that has
// joined, or with a new token for its name, it does no harm.

import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { parseDocument } from 'yaml';
import { askToJoin, findAuthority } from '#/cluster/client.ts';
import { readToken } from '#/cluster/token.ts';
import { requestCertificate } from '#/platform/bus/nats/certificates.ts';
import { isAddress, isHostName } from '#/platform/config/formats.ts';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import { writeWholeSync } from '#/platform/files/write-whole.ts';
import { createLogger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { systemRun } from '#/platform/process/run.ts';
import { keepCredential, keepSecrets } from './cluster-files.ts';
import type { Context, DataOption } from './context.ts';
import { ensureDataDirectory } from './data-directory.ts';
import { stopCloud } from './down.ts';
import { offersFrom, rolesFrom } from './invite.ts';
import { machineTexts as t } from './machine-texts.ts';
import { step } from './progress.ts';
import { cliTexts } from './texts.ts';
import { packages, up } from './up.ts';
import { controlUserName, ensureUser, guestUserName } from './users.ts';

export interface JoinOptions extends DataOption {
  roles?: string;
  name?: string;
  offers?: string;
  address?: string;
  tunnelAddress?: string;
  detach?: boolean;
  yes?: boolean;
}

export async function join(context: Context, text: string, options: JoinOptions): Promise<number> {
  const token = readToken(text);
  const paths = context.paths(options);
  const roles = rolesFrom(options.roles);
  const offers = offersFrom(options.offers);
  const name = options.name ?? hostname();
  if (!isHostName(name)) throw new Problem('invalid', t.badName, { name });
  for (const [option, value] of [
    ['--address', options.address],
    ['--tunnel-address', options.tunnelAddress],
  ])
    if (value !== undefined && !isAddress(value)) throw new Problem('invalid', t.badAddress, { option, value });
  if (!context.root) throw new Problem('invalid', cliTexts.needsRoot);
  if (existsSync(paths.marker) && context.config(paths).clusterServers.length === 0)
    throw new Problem('conflict', t.alreadyCloud, { directory: paths.root });

  const run = systemRun(createLogger('join', 'silent'));
  await packages(context, run, options.yes ?? false);
  await step(context, context.say(t.joining, { server: token.server }), async () => {
    const { certificate: authority, ownAddress } = await findAuthority(token);
    const config = context.config(paths);
    const address = options.address ?? config.clusterAddress ?? ownAddress.replace(/^::ffff:/, '');
    const tunnelAddress = options.tunnelAddress ?? config.tunnelAddress ?? address;
    const { request, key } = await requestCertificate(name);
    const ask = { name, roles, address, tunnelAddress, request };
    const answer = await askToJoin(token, authority, ask, context.language);
    await stopCloud(context, paths, 'join');
    const owner = await ensureUser(run, controlUserName);
    await ensureUser(run, guestUserName);
    ensureDataDirectory(paths, owner, context.language);
    // The certificate last: with it the machine has joined, whatever else is then missing is in the configuration.
    setOptions(paths, {
      roles,
      host_name: name,
      host_offers: offers,
      cluster_address: address,
      tunnel_address: tunnelAddress,
      cluster_servers: answer.cluster_servers,
      bus_servers: answer.bus_servers,
      // With api it answers clients; without, only its own command line.
      ...(answer.control
        ? { ...answer.control.options, ...(roles.includes('api') ? { listen_address: address } : {}) }
        : {}),
    });
    if (answer.control) keepSecrets(paths, answer.control.secrets, answer.control.credentials, owner);
    keepCredential(paths, authority, { certificate: answer.certificate, key }, answer.control ? owner : null);
  });
  return up(context, options);
}

/** Sets options in the configuration file and leaves everything else in it as it is. */
function setOptions(paths: DataPaths, values: Record<string, unknown>): void {
  const file = parseDocument(readFileSync(paths.config, 'utf8'));
  for (const [name, value] of Object.entries(values)) file.set(name, value);
  writeWholeSync(paths.config, file.toString(), { mode: 0o640 });
}

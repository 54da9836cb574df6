// Settings of a domain: where its users are kept.
// API: Identity v3, "Domain configuration".

import type { Tx } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint } from '#/platform/http/endpoint.ts';
import { any, as, mapOf, object, open } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, anyone, systemReader } from '#/services/identity/allow.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import { defaultDomainId } from '#/services/identity/seed.ts';
import { tables } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import type { Compliance } from '#/services/identity/users/compliance.rules.ts';
import { notFound, type Wire } from '#/services/identity/wire.ts';
import { domainFinder } from '#/services/identity/projects/domain.api.ts';
import { domainOptions, isSecret, type OptionValue } from '#/services/identity/projects/domain-config.options.ts';

type Config = Record<string, Record<string, OptionValue>>;
const path = '/v3/domains/{domain_id}/config';
const reply = open({ config: any() });
const body = object({ config: as<Wire>(mapOf(any())) });
/** The whole, one group, one option. */
const depths = ['', '/{group}', '/{group}/{option}'] as const;

/** What a body says, as groups of options, whichever depth the URL has. @throws Problem forbidden for what cannot be set */
function readConfig(config: Wire, group: string | undefined, option: string | undefined): Config {
  if (
    group !== undefined &&
    (option === undefined
      ? Object.keys(config).some(name => name !== group)
      : Object.keys(config).some(name => name !== option))
  )
    throw new Problem('invalid', t.configUnknown, { group, option: Object.keys(config) });
  const groups: Wire = option === undefined ? config : { [group!]: config };
  for (const [name, options] of Object.entries(groups)) {
    if (!Object.hasOwn(domainOptions, name))
      throw new Problem('forbidden', t.configUnknown, { group: name.slice(0, 60), option: '*' });
    if (options === null || typeof options !== 'object' || Array.isArray(options))
      throw new Problem('invalid', t.configUnknown, { group: name, option: '*' });
    for (const [key, value] of Object.entries(options)) {
      if (!Object.hasOwn(domainOptions[name]!, key))
        throw new Problem('forbidden', t.configUnknown, { group: name, option: key.slice(0, 60) });
      const scalar = value === null || ['string', 'number', 'boolean'].includes(typeof value);
      if (!scalar && !(Array.isArray(value) && value.every(item => typeof item === 'string')))
        throw new Problem('invalid', t.configUnknown, { group: name, option: key });
    }
  }
  return groups as Config;
}

/** One part of a configuration, in the shape of its depth. @throws Problem notFound */
function part(config: Config, { group, option }: { group?: string; option?: string }): Wire {
  if (group === undefined) return config;
  const options = Object.hasOwn(config, group) ? config[group] : undefined;
  if (!options || (option !== undefined && !Object.hasOwn(options, option)))
    throw notFound('domain configuration', option ?? group);
  return option === undefined ? { [group]: options } : { [option]: options[option] };
}

export function domainConfigEndpoints(vault: Vault, compliance: Compliance): Endpoint[] {
  async function load(tx: Tx, domainId: string): Promise<Config> {
    const rows = await tables(tx)
      .selectFrom('domainConfigs')
      .selectAll()
      .where('domainId', '=', domainId)
      .orderBy('groupName')
      .orderBy('optionName')
      .execute();
    const config: Config = {};
    for (const { groupName, optionName, value } of rows)
      if (!isSecret(groupName, optionName))
        (config[groupName] ??= {})[optionName] = JSON.parse(vault.open(tx, value)) as OptionValue;
    if (!rows.length) throw notFound('domain configuration', domainId);
    return config;
  }

  async function save(tx: Tx, domainId: string, config: Config): Promise<void> {
    for (const [groupName, options] of Object.entries(config))
      for (const [optionName, plain] of Object.entries(options)) {
        const value = vault.seal(tx, JSON.stringify(plain));
        await tables(tx)
          .insertInto('domainConfigs')
          .values({ domainId, groupName, optionName, value })
          .onConflict(conflict => conflict.columns(['domainId', 'groupName', 'optionName']).doUpdateSet({ value }))
          .execute();
      }
  }

  const create = endpoint({
    policy: 'identity:create_domain_config',
    allow: admin,
    route: `PUT ${path}`,
    summary: 'Sets the configuration of a domain',
    find: domainFinder,
    body,
    replies: { 200: reply, 201: reply },
    async handle({ tx, found: { id }, body: { config } }) {
      const before = await tables(tx)
        .selectFrom('domainConfigs')
        .select('domainId')
        .where('domainId', '=', id)
        .executeTakeFirst();
      const asked = readConfig(config, undefined, undefined);
      await tables(tx).deleteFrom('domainConfigs').where('domainId', '=', id).execute();
      await save(tx, id, asked);
      const shown = Object.keys(asked).length ? await load(tx, id) : {};
      return before ? { 200: { config: shown } } : { 201: { config: shown } };
    },
  });

  const show = depths.map(tail =>
    endpoint({
      policy: 'identity:get_domain_config',
      allow: systemReader,
      route: `GET ${path}${tail}`,
      summary: 'Shows the configuration of a domain',
      find: domainFinder,
      replies: { 200: reply },
      handle: async ({ tx, found, path: where }) => ({ 200: { config: part(await load(tx, found.id), where) } }),
    }),
  );

  const update = depths.map(tail =>
    endpoint({
      policy: 'identity:update_domain_config',
      allow: admin,
      route: `PATCH ${path}${tail}`,
      summary: 'Changes the configuration of a domain',
      find: domainFinder,
      body,
      replies: { 200: reply },
      async handle({ tx, found: { id }, body: { config }, path: { group, option } }) {
        const before = await load(tx, id);
        if (group !== undefined) part(before, { group, option });
        await save(tx, id, readConfig(config, group, option));
        return { 200: { config: await load(tx, id) } };
      },
    }),
  );

  const remove = depths.map(tail =>
    endpoint({
      policy: 'identity:delete_domain_config',
      allow: admin,
      route: `DELETE ${path}${tail}`,
      summary: 'Deletes the configuration of a domain',
      find: domainFinder,
      replies: { 204: null },
      async handle({ tx, found: { id }, path: { group, option } }) {
        part(await load(tx, id), { group, option });
        let query = tables(tx).deleteFrom('domainConfigs').where('domainId', '=', id);
        if (group !== undefined) query = query.where('groupName', '=', group);
        if (option !== undefined) query = query.where('optionName', '=', option);
        await query.execute();
        return { 204: undefined };
      },
    }),
  );

  return [create, ...show, ...update, ...remove, ...defaults, ...passwordDemands(compliance)];
}

const shownOptions = Object.fromEntries(
  Object.entries(domainOptions).map(([group, options]) => [
    group,
    Object.fromEntries(Object.entries(options).filter(([option]) => !isSecret(group, option))),
  ]),
);

const defaults = depths.map(tail =>
  endpoint({
    policy: 'identity:get_domain_config_default',
    allow: systemReader,
    route: `GET /v3/domains/config${tail}/default`,
    summary: 'Shows the default configuration of domains',
    replies: { 200: reply },
    handle: async ({ path: where }) => ({ 200: { config: part(shownOptions, where) } }),
  }),
);

/** Everybody who has to choose a password may know what it must be like; as in Keystone, by way of the default domain. */
function passwordDemands({ passwordRegex, passwordRegexDescription }: Compliance): Endpoint[] {
  const group = 'security_compliance';
  const shown = { [group]: { password_regex: passwordRegex, password_regex_description: passwordRegexDescription } };
  return ['', '/{option}'].map(tail =>
    endpoint({
      policy: 'identity:get_security_compliance_domain_config',
      allow: anyone,
      route: `GET ${path}/${group}${tail}`,
      summary: 'Shows what passwords must be like',
      replies: { 200: reply },
      async handle({ path: { domain_id: domainId, option } }) {
        if (domainId !== defaultDomainId || (option !== undefined && !Object.hasOwn(shown[group], option)))
          throw new Problem('forbidden', t.complianceElsewhere, { domain: defaultDomainId });
        return { 200: { config: part(shown, { group, option }) } };
      },
    }),
  );
}

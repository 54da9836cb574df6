// Traits: the standard names and those that operators made.

import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { tables } from '#/services/placement/tables.ts';
import { placementTexts as t } from '#/services/placement/texts.ts';
import { standardTraits } from '#/services/placement/traits/standard-traits.ts';

export async function allTraits(tx: Tx): Promise<string[]> {
  const custom = await tables(tx).selectFrom('customTraits').select('name').orderBy('name').execute();
  const reported = await tables(tx).selectFrom('providerTraits').select('trait').distinct().execute();
  return [
    ...new Set([...standardTraits, ...custom.map(row => row.name), ...reported.map(row => row.trait)]),
  ].toSorted();
}

/** @throws Problem invalid naming those that do not exist */
export async function checkKnownTraits(tx: Tx, names: string[]): Promise<void> {
  const known = new Set(await allTraits(tx));
  const unknown = names.filter(name => !known.has(name)).map(name => name.slice(0, 80));
  if (unknown.length) throw new Problem('invalid', t.traitsUnknown, { names: unknown });
}

/** @returns whether it is new */
export async function addTrait(tx: Tx, name: string): Promise<boolean> {
  const known = await tables(tx).selectFrom('customTraits').select('name').where('name', '=', name).executeTakeFirst();
  if (known) return false;
  await tables(tx).insertInto('customTraits').values({ name }).execute();
  return true;
}

// An operation keeps the steps that it began with. Versions that run side by side, or one after the other, may have added,
// left out or moved some: a number alone would then name another step.

import type { OperationKind } from '#/platform/operations/operation.ts';
import type { OperationRow } from '#/platform/operations/operation.store.ts';

/** What an operation that begins remembers of its kind. */
export function stepNamesOf({ steps }: OperationKind): string {
  return steps.map(step => step.name).join('\n');
}

/**
 * The kind of an operation, with the steps that it began with.
 * @returns undefined where this version does not know the kind, or one of the steps: another goes on with it
 */
export function kindAsBegun(
  kinds: ReadonlyMap<string, OperationKind>,
  row: Pick<OperationRow, 'kind' | 'stepNames'>,
): OperationKind | undefined {
  const kind = kinds.get(row.kind);
  // Null: begun by a version that did not remember them, and that had the steps of the first one that does.
  if (!kind || row.stepNames === null || row.stepNames === stepNamesOf(kind)) return kind;
  const known = new Map(kind.steps.map(step => [step.name, step]));
  const steps = row.stepNames.split('\n').flatMap(name => known.get(name) ?? []);
  return steps.length === row.stepNames.split('\n').length ? { ...kind, steps } : undefined;
}

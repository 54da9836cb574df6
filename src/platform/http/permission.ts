// Whether the caller may: finds the resource that a path names, and checks the endpoint's rule against it. Who may not even
// know of it is told that it is missing.

import type { Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { Endpoint, Finder, RequestFacts } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts as t } from '#/platform/text/texts.ts';

export interface Permission {
  /** The resource, where the endpoint has a finder. @throws Problem notFound, forbidden */
  permit(
    tx: Tx,
    endpoint: Endpoint,
    asked: { caller: Caller; path: Record<string, string>; request: RequestFacts },
  ): Promise<unknown>;
  /** The rule alone, against the caller's own project or the one in the path. @throws Problem forbidden */
  permitUntargeted(endpoint: Endpoint, asked: { caller: Caller; path: Record<string, string> }): void;
}

export function createPermission(policy: Policy): Permission {
  /** Finds the resource and checks the rule against it. */
  async function permit(
    tx: Tx,
    endpoint: Endpoint,
    asked: { caller: Caller; path: Record<string, string>; request: RequestFacts },
  ): Promise<unknown> {
    if (!endpoint.find) {
      permitUntargeted(endpoint, asked);
      return undefined;
    }
    const finder = endpoint.find;
    const found: unknown = await finder.find({ tx, policy, ...asked });
    if (found === undefined) throw finder.missing(asked.path);
    if (endpoint.policy === 'public') return found;
    const target = targetOf(finder, found);
    if (!policy.allows(endpoint.policy, asked.caller.credentials, target)) {
      const visible = finder.visible ?? inProject;
      throw visible(found, asked.caller) ? denied(endpoint, asked.caller, target) : finder.missing(asked.path);
    }
    return found;
  }

  function permitUntargeted(endpoint: Endpoint, asked: { caller: Caller; path: Record<string, string> }): void {
    if (endpoint.policy === 'public') return;
    const { caller } = asked;
    const pathProject = asked.path['project_id'];
    const target = {
      project_id: pathProject ?? caller.projectId,
      tenant_id: pathProject ?? caller.projectId,
      user_id: caller.userId,
      domain_id: caller.domainId,
    };
    if (!policy.allows(endpoint.policy, caller.credentials, target)) throw denied(endpoint, caller, target);
  }

  function denied(endpoint: Endpoint, caller: Caller, target: Record<string, unknown>): Problem {
    return new Problem('forbidden', t.forbidden, {
      rule: endpoint.policy,
      needs: policy.explain(endpoint.policy, caller.credentials, target).parts,
    });
  }

  return { permit, permitUntargeted };
}

/** The policy's view of a resource. */
function targetOf(finder: Pick<Finder<unknown>, 'target'>, found: unknown): Record<string, unknown> {
  if (finder.target) return finder.target(found);
  const row = found as Record<string, unknown>;
  return { ...row, project_id: row['projectId'], tenant_id: row['projectId'], user_id: row['userId'] };
}

function inProject(found: unknown, caller: Caller): boolean {
  const { projectId } = found as { projectId?: string | null };
  return projectId === undefined || projectId === null || projectId === caller.projectId;
}

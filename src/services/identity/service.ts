// Identity (Keystone v3): who there is, what they may do where, where services are, and the tokens that say so.

import type { Authenticator } from '#/platform/access/caller.ts';
import type { FernetKey } from '#/platform/access/fernet.ts';
import type { KeyRing } from '#/platform/access/key-ring.ts';
import type { JwsKeys } from '#/platform/access/jws-keys.ts';
import type { Passwords } from '#/platform/access/passwords.ts';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { nowMs } from '#/platform/database/tx.ts';
import type { FetchOut } from '#/platform/http/fetch-out.ts';
import type { Logger } from '#/platform/log/log.ts';
import type { Service } from '#/platform/http/service.ts';
import {
  accessRuleEndpoints,
  applicationCredentialEndpoints,
} from '#/services/identity/application-credentials/application-credential.api.ts';
import { assignmentEndpoints, assignmentTreeRule } from '#/services/identity/assignments/assignment.api.ts';
import { credentialEndpoints } from '#/services/identity/credentials/credential.api.ts';
import { createVault } from '#/services/identity/credentials/credential.store.ts';
import { rotateCredentialKeys } from '#/services/identity/credentials/rotate-keys.operation.ts';
import { ec2CredentialEndpoints } from '#/services/identity/credentials/ec2-credential.api.ts';
import { signatureTokenEndpoints } from '#/services/identity/credentials/signature-token.api.ts';
import { trustEndpoints, trustListRules } from '#/services/identity/trusts/trust.api.ts';
import { allGrantEndpoints } from '#/services/identity/assignments/grant.api.ts';
import { endpointEndpoints } from '#/services/identity/catalog/endpoint.api.ts';
import { regionEndpoints } from '#/services/identity/catalog/region.api.ts';
import { serviceEndpoints } from '#/services/identity/catalog/service.api.ts';
import { groupEndpoints } from '#/services/identity/groups/group.api.ts';
import { domainConfigEndpoints } from '#/services/identity/projects/domain-config.api.ts';
import { domainEndpoints } from '#/services/identity/projects/domain.api.ts';
import { projectTagEndpoints } from '#/services/identity/projects/project-tags.api.ts';
import { projectEndpoints } from '#/services/identity/projects/project.api.ts';
import { impliedRoleEndpoints } from '#/services/identity/roles/implied-role.api.ts';
import { domainRoleRules, roleEndpoints } from '#/services/identity/roles/role.api.ts';
import { authEndpoints } from '#/services/identity/tokens/auth.api.ts';
import { userEndpoints } from '#/services/identity/users/user.api.ts';
import { identityTables } from '#/services/identity/migrations/0001-identity.ts';
import { complianceTables } from '#/services/identity/migrations/0003-compliance.ts';
import { type Compliance, nothingDemanded } from '#/services/identity/users/compliance.rules.ts';
import { disableInactive } from '#/services/identity/users/disable-inactive.ts';
import { delegationTables } from '#/services/identity/migrations/0002-delegation.ts';
import { endpointGroupEndpoints } from '#/services/identity/endpoint-filter/endpoint-group.api.ts';
import { projectEndpointEndpoints } from '#/services/identity/endpoint-filter/project-endpoint.api.ts';
import { type LimitModel, limitModel } from '#/services/identity/limits/limit-model.ts';
import { limitEndpoints } from '#/services/identity/limits/limit.api.ts';
import { registeredLimitEndpoints } from '#/services/identity/limits/registered-limit.api.ts';
import { federationTables } from '#/services/identity/migrations/0010-federation.ts';
import { oauthTables } from '#/services/identity/migrations/0004-oauth.ts';
import { oauthEndpoints } from '#/services/identity/oauth/oauth.api.ts';
import { forgetOAuthTokens } from '#/services/identity/oauth/oauth.store.ts';
import { oauth1Method } from '#/services/identity/oauth/oauth1.method.ts';
import { oauth2Endpoints } from '#/services/identity/oauth/oauth2.api.ts';
import { consumerEndpoints } from '#/services/identity/oauth/consumer.api.ts';
import { policyAssociationEndpoints } from '#/services/identity/stored-policies/policy-association.api.ts';
import { keyEndpoints } from '#/services/identity/tokens/keys.api.ts';
import { revocationEndpoints } from '#/services/identity/tokens/revocation.api.ts';
import { storedPolicyEndpoints } from '#/services/identity/stored-policies/stored-policy.api.ts';
import { versions, versionThree } from '#/services/identity/discovery.api.ts';
import { federationChores, federationEndpoints } from '#/services/identity/federation/federation.ts';
import { federatedMethods } from '#/services/identity/federation/sign-on/token-exchange.method.ts';
import { withFederated } from '#/services/identity/federation/sign-on/users-federated.ts';
import { directoryChores, directoryPasswords, withDirectories } from '#/services/identity/ldap/directories.ts';
import { directoryWatch } from '#/services/identity/ldap/directory-watch.ts';
import { directoryTables } from '#/services/identity/migrations/0011-directories.ts';
import { usedOnceTable } from '#/services/identity/migrations/0012-used-once.ts';
import { told } from '#/services/identity/notifications.ts';
import { seedIdentity } from '#/services/identity/seed.ts';
import { createAuthority, forgetRevocations } from '#/services/identity/tokens/authority.ts';
import { fernetTokens } from '#/services/identity/tokens/fernet-token.ts';
import { jwsTokens } from '#/services/identity/tokens/jws-token.ts';
import { loginRecorder } from '#/services/identity/tokens/login-record.ts';
import { applicationCredentialMethod } from '#/services/identity/tokens/methods/application-credential.method.ts';
import type { AuthMethod } from '#/services/identity/tokens/methods/method.ts';
import { passwordMethod } from '#/services/identity/tokens/methods/password.method.ts';
import { totpMethod } from '#/services/identity/tokens/methods/totp.method.ts';
import { tokenMethod } from '#/services/identity/tokens/methods/token.method.ts';
import { forgetUsed } from '#/services/identity/tokens/used-once.store.ts';
import { tokenEndpoints } from '#/services/identity/tokens/token.api.ts';

export interface IdentityOptions {
  db: Database;
  clock: Clock;
  random: Random;
  /** The keys that tokens are encrypted with; asked each time, so that rotation is seen. */
  keys: KeyRing;
  /** The key pairs that tokens are signed with; absent: they are encrypted. */
  signingKeys?: KeyRing<JwsKeys>;
  /** The keys that stored secrets are encrypted with. None goes before all is encrypted with a newer one. */
  credentialKeys: KeyRing;
  /** Whether all these keys are this machine's to change (by default they are), or follow those of another. */
  keysAreKept?: boolean;
  passwords: Passwords;
  log: Logger;
  tokenLifetimeSeconds?: number;
  /** What is demanded of passwords and accounts; nothing by default. */
  compliance?: Compliance;
  /** How limits add up; by default they do not. */
  limitModel?: LimitModel;
  /** For whatever is asked of identity providers. */
  fetchOut: FetchOut;
  /** Where browsers may be sent back to with a token after a federated login. */
  trustedDashboards?: readonly string[];
}

/** How the standard words of an error read on the wire. */
const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
};

export function identityService(options: IdentityOptions): { service: Service; authenticator: Authenticator } {
  const { db, clock, random, keys, signingKeys, passwords, log, compliance = nothingDemanded } = options;
  const tokenKeys = (): readonly FernetKey[] => keys.current().all;
  const { credentialKeys } = options;
  const vault = createVault(() => credentialKeys.current().all);
  const { keysAreKept: kept = true } = options;
  const rotateStored = rotateCredentialKeys({ ring: credentialKeys, vault, kept });
  const authority = createAuthority({
    db,
    clock,
    random,
    format: signingKeys ? jwsTokens(() => signingKeys.current()) : fernetTokens(tokenKeys, random),
    tokenSeconds: options.tokenLifetimeSeconds,
    directories: directoryWatch({ db, vault, clock, log }),
  });
  const directories = { db, vault, passwords, log };
  const byToken = tokenMethod({ authority });
  const methods: Record<string, AuthMethod> = {
    ...federatedMethods(byToken),
    password: directoryPasswords(passwordMethod({ passwords, compliance, log }), directories),
    token: byToken,
    application_credential: applicationCredentialMethod({ passwords, clock }),
    oauth1: oauth1Method({ vault }),
    totp: totpMethod({ vault, compliance }),
  };
  const recorder = loginRecorder({ db, clock, log });
  const service: Service = {
    name: 'identity',
    type: 'identity',
    catalogName: 'keystone',
    catalogPath: '',
    endpoints: [
      versions,
      versionThree,
      ...tokenEndpoints({ authority, methods, clock, recorder, keys: tokenKeys }),
      ...authEndpoints,
      ...revocationEndpoints,
      ...keyEndpoints({
        tokens: [keys, ...(signingKeys ? [signingKeys] : [])],
        credentials: credentialKeys,
        rotateStored,
        kept,
      }),
      ...regionEndpoints,
      ...serviceEndpoints,
      ...endpointEndpoints,
      ...domainEndpoints,
      ...domainConfigEndpoints(vault, compliance),
      ...projectEndpoints,
      ...projectTagEndpoints,
      ...withFederated(withDirectories(userEndpoints({ passwords, compliance, log, recorder }), directories)),
      ...withDirectories(groupEndpoints, directories),
      ...roleEndpoints,
      ...impliedRoleEndpoints,
      ...allGrantEndpoints,
      ...assignmentEndpoints,
      ...applicationCredentialEndpoints({ passwords, random }),
      ...accessRuleEndpoints,
      ...credentialEndpoints(vault),
      ...ec2CredentialEndpoints(vault),
      ...signatureTokenEndpoints({ authority, vault }),
      ...trustEndpoints,
      ...registeredLimitEndpoints,
      ...limitEndpoints,
      ...storedPolicyEndpoints,
      ...policyAssociationEndpoints,
      ...consumerEndpoints(vault),
      ...oauthEndpoints(vault),
      ...oauth2Endpoints({ authority, credential: methods['application_credential']!, clock, recorder }),
      ...federationEndpoints({
        ...{ authority, vault, clock, random, log, recorder, fetchOut: options.fetchOut, keys: tokenKeys },
        trustedDashboards: options.trustedDashboards ?? [],
      }),
      ...endpointGroupEndpoints,
      ...projectEndpointEndpoints,
    ].map(told),
    rules: { ...domainRoleRules, ...assignmentTreeRule, ...trustListRules },
    envelope: ({ status, message }) => ({
      body: { error: { code: status, message, title: titles[status] ?? 'Error' } },
    }),
    migrations: [
      identityTables,
      delegationTables,
      complianceTables,
      oauthTables,
      federationTables,
      directoryTables,
      usedOnceTable,
    ],
    settings: [limitModel.being(options.limitModel ?? 'flat')],
    seed: seedIdentity,
    operations: [rotateStored],
    chores: [
      ...federationChores,
      ...directoryChores(directories),
      { name: 'identity.forget-revocations', everyMs: 600_000, run: tx => forgetRevocations(tx, nowMs(tx)) },
      { name: 'identity.forget-oauth-tokens', everyMs: 3_600_000, run: forgetOAuthTokens },
      { name: 'identity.forget-used', everyMs: 600_000, run: forgetUsed },
      { name: 'identity.disable-inactive', everyMs: 3_600_000, run: tx => disableInactive(tx, compliance) },
    ],
  };
  return { service, authenticator: authority };
}

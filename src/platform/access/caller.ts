// Who asks: what a token says, as every handler and policy check sees it.

import type { Credentials } from '#/platform/access/policy.ts';

export interface Caller {
  userId: string;
  userName: string;
  /** Null unless the token is scoped to a project. */
  projectId: string | null;
  projectName: string | null;
  domainId: string | null;
  systemScope: boolean;
  roles: readonly string[];
  /** Holds the admin role in its scope. Rules decide what that allows; this is for defaults such as `all_tenants`. */
  isAdmin: boolean;
  credentials: Credentials;
  /** Milliseconds since 1970. */
  expiresAt: number;
  /** The token's audit ids, newest first. */
  auditIds: readonly string[];
  /** Whatever identity keeps with a token: methods, trust, application credential. */
  token: Readonly<Record<string, unknown>>;
}

export interface Authenticator {
  /**
   * At once when it is known already.
   * @param serviceToken of the service that passes the request on: with one that is good, the user's own may have ended
   * while the work went on
   * @throws Problem unauthenticated
   */
  authenticate(token: string, serviceToken?: string): Caller | Promise<Caller>;
  /**
   * For tokens that are good for some calls only (application credentials with access rules), or with a certificate only.
   * @throws Problem unauthenticated for the others
   */
  checkCall?(
    caller: Caller,
    service: { name: string; type: string; aliases?: readonly string[] },
    request: { method: string; url: string; clientCertificate?: { thumbprint: string } },
  ): void;
}

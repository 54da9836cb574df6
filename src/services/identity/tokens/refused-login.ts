// Why a login was refused: for the log and for those who watch the cloud. Whoever logs in is told none of it.

/** As CADF's `reasonType`, in the words of Keystone's exceptions where it has one. */
export type RefusalReason =
  | 'UnknownUser'
  | 'WrongPassword'
  | 'WrongPasscode'
  | 'WrongSecret'
  | 'AccountLocked'
  | 'PasswordExpired'
  | 'UserDisabled'
  | 'UserInactive'
  | 'Expired';

/** The cause of the refusal that the client sees. */
export class RefusedLogin extends Error {
  readonly userId: string | null;
  readonly reason: RefusalReason;
  constructor(userId: string | null, reason: RefusalReason) {
    super(reason);
    this.userId = userId;
    this.reason = reason;
  }
}

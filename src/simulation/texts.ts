// What a simulation says.

import { texts } from '#/platform/text/text.ts';

export const simulationTexts = texts('simulation', {
  databaseGone: {
    en: 'The database does not answer at the moment. Try again.',
    ko: '지금은 데이터베이스가 응답하지 않습니다. 다시 시도하십시오.',
  },
  seed: {
    en: 'seed {seed}: {actions} actions, {faults} faults, {minutes} simulated minutes, {violations} violations, trace {trace}',
    ko: '시드 {seed}: 동작 {actions}개, 장애 {faults}개, 시뮬레이션 {minutes}분, 위반 {violations}건, 추적 {trace}',
  },
  violation: { en: '  {invariant}: {sentence}', ko: '  {invariant}: {sentence}' },
  replay: { en: '  replay: {command}', ko: '  재현: {command}' },
  calls: {
    en: '{called} calls that change something were made, {done} of them did so',
    ko: '변경하는 호출 {called}종을 불렀고, 그중 {done}종이 실제로 변경했습니다',
  },
  total: {
    en: '{seeds} seeds, {actions} actions, {faults} faults, {hours} simulated hours at {speed}× real time, {violations} violations',
    ko: '시드 {seeds}개, 동작 {actions}개, 장애 {faults}개, 시뮬레이션 {hours}시간(실제의 {speed}배), 위반 {violations}건',
  },
  lostWrite: {
    en: '{path} was acknowledged, but is not there any more ({status}).',
    ko: '{path}은(는) 만들어졌다고 응답되었지만 더 이상 없습니다({status}).',
  },
  notDeleted: {
    en: '{path} was deleted, but is still there ({status}).',
    ko: '{path}은(는) 삭제되었지만 아직 있습니다({status}).',
  },
  tokenLost: {
    en: 'A good token of {user} is refused ({status}).',
    ko: '{user}의 유효한 토큰이 거부되었습니다({status}).',
  },
  tokenLives: {
    en: 'A token of {user} that has ended or was revoked is still good ({status}).',
    ko: '{user}의 만료되거나 폐기된 토큰이 아직 유효합니다({status}).',
  },
  ranTwice: {
    en: '{guest} ran on {host} while it ran on another host.',
    ko: '{guest}이(가) 다른 호스트에서 실행 중일 때 {host}에서도 실행되었습니다.',
  },
  writtenTwice: {
    en: 'On {host}, more than one guest could write at once to {disk}.',
    ko: '{host}에서 둘 이상의 게스트가 동시에 쓸 수 있었습니다: {disk}.',
  },
  madeTwice: {
    en: 'One request made {count} of {name}.',
    ko: '요청 하나가 {name}을(를) {count}개 만들었습니다.',
  },
  bug: {
    en: '{method} {path} answered {status}: {body}',
    ko: '{method} {path}의 응답이 {status}입니다: {body}',
  },
  left: {
    en: 'All was deleted, but {key} is still on host {host}.',
    ko: '모두 삭제했지만 {key}이(가) 호스트 {host}에 남아 있습니다.',
  },
  notDeletable: {
    en: '{path} cannot be deleted by its owner: {status} {body}',
    ko: '{path}을(를) 소유자가 삭제할 수 없습니다: {status} {body}',
  },
});

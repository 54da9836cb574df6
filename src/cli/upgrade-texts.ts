// What `haneul upgrade` says.

import { texts } from '#/platform/text/text.ts';

export const upgradeTexts = texts('cli.upgrade', {
  help: {
    en: 'let this version take over from the one that runs, without a request refused',
    ko: '실행 중인 버전을 이 버전이 이어받습니다. 거절되는 요청은 없습니다',
  },
  finishHelp: {
    en: 'end the upgrade: the version before can no longer be gone back to',
    ko: '업그레이드를 마무리합니다. 이전 버전으로 더 이상 돌아갈 수 없습니다',
  },
  finished: { en: 'The upgrade is finished: {names}.', ko: '업그레이드를 마무리했습니다: {names}.' },
  nothingToFinish: {
    en: 'There is nothing to finish: the version before could go on with this database.',
    ko: '마무리할 것이 없습니다. 이전 버전도 이 데이터베이스를 그대로 쓸 수 있습니다.',
  },
  nothingRuns: {
    en: 'No cloud answers on {directory}; "./haneul up" starts this version there.',
    ko: '{directory}에서 응답하는 클라우드가 없습니다. "./haneul up"을 하면 이 버전이 시작됩니다.',
  },
  needsRoot: { en: 'This cloud runs as root: use sudo.', ko: '이 클라우드는 root로 실행됩니다. sudo를 쓰십시오.' },
  taking: { en: 'Version {to} takes over from {from}', ko: '{from} 버전을 {to} 버전이 이어받는 중' },
  done: {
    en: 'Version {version} answers. Guests went on.',
    ko: '{version} 버전이 응답합니다. 게스트는 계속 실행되었습니다.',
  },
  hostDone: {
    en: 'The host {name} runs version {version}. Guests went on.',
    ko: '{name} 호스트가 {version} 버전으로 실행됩니다. 게스트는 계속 실행되었습니다.',
  },
  failed: {
    en: 'This version could not take over ({why}); the one before goes on. The end of {log}:\n{tail}',
    ko: '이 버전이 이어받지 못했습니다({why}). 이전 버전이 계속 실행됩니다. {log}의 끝:\n{tail}',
  },
  late: {
    en: 'This version did not take over within {seconds} seconds; see {log} and "./haneul status".',
    ko: '이 버전이 {seconds}초 안에 이어받지 못했습니다. {log}와 "./haneul status"를 보십시오.',
  },
});

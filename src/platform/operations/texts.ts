// What is said of operations: clauses of one sentence, and what an operator is refused.

import { texts } from '#/platform/text/text.ts';

/** Clauses; `explainOperation` puts them together. */
export const clauseTexts = texts('operation.clause', {
  delayed: { en: 'Begins in {seconds} s', ko: '{seconds}초 뒤에 시작합니다' },
  next: { en: 'Step {step} ({at} of {total}) is next', ko: '{step} 단계({at}/{total})를 시작할 차례입니다' },
  working: { en: 'Step {step} ({at} of {total}) is being done', ko: '{step} 단계({at}/{total})를 진행하고 있습니다' },
  waits: {
    en: 'Step {step} ({at} of {total}) waits for host {host} to report {keys}',
    ko: '{step} 단계({at}/{total})는 호스트 {host}에서 {keys}이(가) 준비되기를 기다립니다',
  },
  waitsGone: {
    en: 'Step {step} ({at} of {total}) waits for host {host} to let go of {keys}',
    ko: '{step} 단계({at}/{total})는 호스트 {host}에서 {keys}이(가) 제거되기를 기다립니다',
  },
  troubled: { en: 'Step {step} ({at} of {total}) failed', ko: '{step} 단계({at}/{total})가 실패했습니다' },
  undoing: { en: 'It is being taken back, now step {step}', ko: '되돌리는 중이며, 지금은 {step} 단계입니다' },
  recording: {
    en: 'All is taken back and the failure is being recorded',
    ko: '모두 되돌렸으며 실패를 기록하고 있습니다',
  },
  undoTroubled: { en: 'Taking back step {step} failed', ko: '{step} 단계를 되돌리지 못했습니다' },
  because: { en: 'the reason: {problem}', ko: '이유: {problem}' },
  problem: { en: 'the last problem: {problem}', ko: '마지막 문제: {problem}' },
  tried: {
    en: 'tried {attempts, plural, one {once} other {{attempts} times}}',
    ko: '{attempts}번 시도했습니다',
  },
  hostDown: { en: 'the host is down since {since}', ko: '호스트가 {since}부터 응답하지 않습니다' },
  hostUnknown: { en: 'the cloud knows no such host any more', ko: '클라우드에 더 이상 없는 호스트입니다' },
  nextTry: { en: 'next try in {seconds} s', ko: '{seconds}초 뒤에 다시 시도합니다' },
  looksAgain: {
    en: 'it goes on when the host reports, and looks by itself in {seconds} s',
    ko: '호스트가 보고하면 계속하며, {seconds}초 뒤에 스스로 다시 확인합니다',
  },
  givesUp: {
    en: 'without an answer it is taken back in {seconds} s',
    ko: '응답이 없으면 {seconds}초 뒤에 되돌립니다',
  },
  unknownKind: {
    en: 'This program knows no operation of this kind; a newer or older one started it',
    ko: '이 프로그램이 모르는 종류의 작업입니다. 다른 버전이 시작했습니다',
  },
  done: { en: 'Done', ko: '완료했습니다' },
  failed: { en: 'Failed and was taken back', ko: '실패하여 되돌렸습니다' },
  superseded: {
    en: 'Ended, because a later request for the same resource took its place',
    ko: '같은 리소스에 대한 다음 요청이 대신하여 끝났습니다',
  },
  abandoned: { en: 'Abandoned by an operator', ko: '운영자가 중단했습니다' },
});

export const operatorTexts = texts('operation', {
  abandoned: { en: 'An operator abandoned it.', ko: '운영자가 작업을 중단했습니다.' },
  hasEnded: {
    en: 'Operation {id} has ended ({phase}); there is nothing left to try or to abandon.',
    ko: '작업 {id}은(는) 이미 끝나서({phase}) 다시 시도하거나 중단할 것이 없습니다.',
  },
  persistNeedsForce: {
    en: 'Operation {id} ({kind}) takes something away and cannot be undone. Given up by force, its resource is left half removed; removing it again, or a retry of this operation, finishes it.',
    ko: '작업 {id}({kind})은(는) 무언가를 제거하는 중이라 되돌릴 수 없습니다. 강제로 중단하면 리소스가 일부만 제거된 채로 남으며, 다시 제거하거나 이 작업을 다시 시도하면 마무리됩니다.',
  },
  undoNeedsForce: {
    en: 'Operation {id} is being taken back already, now step {step}. Given up by force, what its remaining steps made may stay on a host.',
    ko: '작업 {id}은(는) 이미 되돌리는 중이며, 지금은 {step} 단계입니다. 강제로 중단하면 남은 단계에서 만든 것이 호스트에 남을 수 있습니다.',
  },
  leasedNeedsForce: {
    en: 'Step {step} of operation {id} is being done at this moment. Try again shortly; given up by force, what the step makes may stay.',
    ko: '작업 {id}의 {step} 단계가 지금 진행 중입니다. 잠시 뒤에 다시 시도하십시오. 강제로 중단하면 이 단계에서 만든 것이 남을 수 있습니다.',
  },
  unknownKindNeedsForce: {
    en: 'This program does not know operations of the kind {kind}, so it cannot take back {id}. Given up by force, everything that it has done stays.',
    ko: '이 프로그램은 {kind} 종류의 작업을 몰라서 {id}을(를) 되돌릴 수 없습니다. 강제로 중단하면 지금까지 한 일이 모두 남습니다.',
  },
  notFound: { en: 'There is no operation {id}.', ko: '작업 {id}이(가) 없습니다.' },
});

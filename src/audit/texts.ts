// What an audit says is wrong.

import { texts } from '#/platform/text/text.ts';

export const auditTexts = texts('audit', {
  missingOnHost: {
    en: '{key} must be on host {host} but is not there.',
    ko: '{key}이(가) 호스트 {host}에 있어야 하지만 없습니다.',
  },
  orphanOnHost: {
    en: '{key} is on host {host} but belongs to nothing.',
    ko: '{key}이(가) 호스트 {host}에 있지만 주인이 없습니다.',
  },
  staleEntry: {
    en: 'Host {host} is still recorded as holding {key}, which belongs to nothing.',
    ko: '주인이 없는 {key}이(가) 호스트 {host}에 있다고 아직 기록되어 있습니다.',
  },
  notAsPlanned: {
    en: 'Host {host} has not got {key} as planned: it is "{state}".',
    ko: '호스트 {host}의 {key}이(가) 계획대로 되어 있지 않습니다("{state}").',
  },
  hostBehind: {
    en: 'Host {host} is at revision {reported} of its plan, not at {wanted}.',
    ko: '호스트 {host}의 계획이 개정 {wanted}이(가) 아니라 {reported}에 머물러 있습니다.',
  },
  stuck: {
    en: 'The {what} is "{status}", but nothing works on it.',
    ko: '{what}이(가) "{status}" 상태이지만 진행 중인 작업이 없습니다.',
  },
  noFault: {
    en: 'The {what} is in error and does not say why.',
    ko: '{what}이(가) 오류 상태이지만 이유가 기록되어 있지 않습니다.',
  },
  noOwner: {
    en: 'The {what} belongs to {owner}, which does not exist.',
    ko: '{what}의 주인 {owner}이(가) 존재하지 않습니다.',
  },
  lostPart: {
    en: 'The {what} uses {part}, which does not exist.',
    ko: '{what}이(가) 사용하는 {part}이(가) 존재하지 않습니다.',
  },
  statusDiffers: {
    en: 'The {what} is "{status}" but should be "{wanted}".',
    ko: '{what}의 상태가 "{wanted}"이어야 하지만 "{status}"입니다.',
  },
  wrongAllocation: {
    en: 'Server {id} holds {held} but should hold {wanted}.',
    ko: '서버 {id}에 할당된 자원이 {wanted}이어야 하지만 {held}입니다.',
  },
  orphanAllocation: {
    en: 'Consumer {id} holds {held}, but there is no such server.',
    ko: '소비자 {id}에 {held}이(가) 할당되어 있지만 그런 서버가 없습니다.',
  },
  overCapacity: {
    en: 'Host {host} has promised {used} of {resource}, but has {capacity}.',
    ko: '호스트 {host}의 {resource}은(는) {capacity}인데 {used}이(가) 할당되었습니다.',
  },
  wrongCount: {
    en: 'Server {id} counts {counted} towards quotas, but its flavor says {flavor}.',
    ko: '서버 {id}의 할당량 사용이 {counted}(으)로 계산되지만 flavor는 {flavor}입니다.',
  },
  addressTwice: {
    en: 'The address {address} is used {times} times in network {network}.',
    ko: '네트워크 {network}에서 주소 {address}이(가) {times}번 사용됩니다.',
  },
  macTwice: {
    en: 'The MAC address {mac} is used {times} times in network {network}.',
    ko: '네트워크 {network}에서 MAC 주소 {mac}이(가) {times}번 사용됩니다.',
  },
  affinity: {
    en: 'Server group {group} ({policy}) has {servers} on host {host}.',
    ko: '서버 그룹 {group}({policy})의 서버 {servers}이(가) 호스트 {host}에 있습니다.',
  },
  idleOperation: {
    en: 'The operation {kind} of {resource} is due since {seconds} seconds, but nobody works on it.',
    ko: '{resource}의 작업 {kind}을(를) {seconds}초 전에 이어가야 했지만 아무도 처리하지 않습니다.',
  },
  namelessOperation: {
    en: 'The operation {kind} of {resource} goes on at step {step} without saying what it waits for.',
    ko: '{resource}의 작업 {kind}이(가) {step}단계에서 무엇을 기다리는지 밝히지 않고 계속되고 있습니다.',
  },
});

// What `haneul simulate` is told and says.

import { texts } from '#/platform/text/text.ts';

export const simulateTexts = texts('cli.simulate', {
  simulate: {
    en: 'run whole clouds from seeds, with faults, and check that nothing is stuck or left behind',
    ko: '시드로 클라우드 전체를 장애와 함께 돌려, 멈추거나 남는 것이 없는지 확인합니다',
  },
  seeds: { en: 'how many seeds to run', ko: '돌릴 시드의 수' },
  first: { en: 'the first seed (default: one that nobody chose)', ko: '첫 시드(기본: 임의)' },
  actions: { en: 'what users do in each', ko: '시드마다 사용자가 하는 동작의 수' },
  hosts: { en: 'simulated hosts in each', ko: '시드마다 시뮬레이션 호스트의 수' },
  calm: { en: 'without faults', ko: '장애 없이' },
});

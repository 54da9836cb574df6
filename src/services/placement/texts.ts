// Sentences of the placement service.

import { texts } from '#/platform/text/text.ts';

export const placementTexts = texts('placement', {
  providerNotFound: {
    en: 'No resource provider with uuid {id} found.',
    ko: 'uuid가 {id}인 리소스 제공자를 찾을 수 없습니다.',
  },
  nameTaken: {
    en: 'A resource provider with name {name} or uuid {id} already exists.',
    ko: '이름이 {name}이거나 uuid가 {id}인 리소스 제공자가 이미 있습니다.',
  },
  parentNotFound: {
    en: 'The parent resource provider {parent} does not exist.',
    ko: '상위 리소스 제공자 {parent}이(가) 없습니다.',
  },
  parentLoop: {
    en: 'Resource provider {id} cannot be placed below itself or its descendants.',
    ko: '리소스 제공자 {id}을(를) 자신이나 하위 제공자 아래에 둘 수 없습니다.',
  },
  parentFixed: {
    en: 'The parent of resource provider {id} can be changed only since version 1.37.',
    ko: '리소스 제공자 {id}의 상위는 버전 1.37부터 바꿀 수 있습니다.',
  },
  hasChildren: {
    en: 'Resource provider {id} has child providers; delete those first.',
    ko: '리소스 제공자 {id}에 하위 제공자가 있습니다. 먼저 삭제하십시오.',
  },
  providerInUse: {
    en: 'Resource provider {id} has allocations and cannot be deleted.',
    ko: '리소스 제공자 {id}에 할당이 있어 삭제할 수 없습니다.',
  },
  inventoryInUse: {
    en: 'Inventory for {resourceClass} on resource provider {id} is in use.',
    ko: '리소스 제공자 {id}의 {resourceClass} 인벤토리가 사용 중입니다.',
  },
  inventoryNotFound: {
    en: 'Resource provider {id} has no inventory of {resourceClass}.',
    ko: '리소스 제공자 {id}에 {resourceClass} 인벤토리가 없습니다.',
  },
  inventoryInvalid: {
    en: 'Inventory for {resourceClass} on resource provider {id} leaves nothing to use: total {total}, reserved {reserved}.',
    ko: '리소스 제공자 {id}의 {resourceClass} 인벤토리에 쓸 수 있는 양이 없습니다. 전체 {total}, 예약 {reserved}.',
  },
  generationConflict: {
    en: 'Resource provider {id} has generation {current}, not {given}: it was changed meanwhile.',
    ko: '리소스 제공자 {id}의 세대는 {given}이(가) 아니라 {current}입니다. 그 사이 변경되었습니다.',
  },
  consumerConflict: {
    en: 'Consumer {id} has generation {current}, not {given}: it was changed meanwhile.',
    ko: '소비자 {id}의 세대는 {given}이(가) 아니라 {current}입니다. 그 사이 변경되었습니다.',
  },
  noCapacity: {
    en: 'Unable to allocate {amount} {resourceClass} on resource provider {name}: {free} of {capacity} are free (smallest {min}, largest {max}, step {step}).',
    ko: '리소스 제공자 {name}에서 {resourceClass} {amount}을(를) 할당할 수 없습니다. {capacity} 중 {free}이(가) 남았습니다 (최소 {min}, 최대 {max}, 단위 {step}).',
  },
  noSuchInventory: {
    en: 'Resource provider {name} offers no {resourceClass}.',
    ko: '리소스 제공자 {name}은(는) {resourceClass}을(를) 제공하지 않습니다.',
  },
  allocationsNotFound: { en: 'No allocations for consumer {id}.', ko: '소비자 {id}의 할당이 없습니다.' },
  unknownProvider: {
    en: 'Allocation for resource provider {id} that does not exist.',
    ko: '존재하지 않는 리소스 제공자 {id}에 대한 할당입니다.',
  },
  classNotFound: { en: 'No such resource class {name}.', ko: '리소스 클래스 {name}이(가) 없습니다.' },
  classUnknown: { en: 'Unknown resource class {name}.', ko: '알 수 없는 리소스 클래스 {name}입니다.' },
  classExists: { en: 'Resource class {name} already exists.', ko: '리소스 클래스 {name}이(가) 이미 있습니다.' },
  classStandard: {
    en: 'The standard resource class {name} cannot be changed.',
    ko: '표준 리소스 클래스 {name}은(는) 바꿀 수 없습니다.',
  },
  classInUse: {
    en: 'Resource class {name} is in use by an inventory.',
    ko: '리소스 클래스 {name}을(를) 인벤토리에서 사용 중입니다.',
  },
  badClassName: {
    en: 'A custom resource class is named CUSTOM_ and then capitals, digits and underscores, not {name}.',
    ko: '사용자 리소스 클래스 이름은 CUSTOM_ 뒤에 대문자, 숫자, 밑줄로 이루어져야 합니다. {name}은(는) 쓸 수 없습니다.',
  },
  traitNotFound: { en: 'No such trait {name}.', ko: '특성 {name}이(가) 없습니다.' },
  traitsUnknown: { en: 'No such traits: {names}.', ko: '다음 특성이 없습니다: {names}.' },
  traitStandard: {
    en: 'The standard trait {name} cannot be changed.',
    ko: '표준 특성 {name}은(는) 바꿀 수 없습니다.',
  },
  traitInUse: {
    en: 'Trait {name} is in use by a resource provider.',
    ko: '특성 {name}을(를) 리소스 제공자에서 사용 중입니다.',
  },
  badTraitName: {
    en: 'A custom trait is named CUSTOM_ and then capitals, digits and underscores, not {name}.',
    ko: '사용자 특성 이름은 CUSTOM_ 뒤에 대문자, 숫자, 밑줄로 이루어져야 합니다. {name}은(는) 쓸 수 없습니다.',
  },
  badQuery: {
    en: 'Invalid query parameter {where}: {why}.',
    ko: '쿼리 매개변수 {where}이(가) 올바르지 않습니다: {why}.',
  },
  missingQuery: { en: 'The query needs {where}.', ko: '쿼리에 {where}이(가) 필요합니다.' },
});

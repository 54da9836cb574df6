// The JSON schemas that the image API publishes of its own bodies.

import { containerFormats, diskFormats, visibilities } from '#/services/image/images/image.rules.ts';

const uuid = '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$';
const text = (description: string, max?: number) => ({
  type: 'string',
  description,
  ...(max ? { maxLength: max } : {}),
});
const fixedText = (description: string) => ({ type: 'string', readOnly: true, description });
const orNull = (type: string) => ['null', type];

export const imageProperties = {
  id: { type: 'string', pattern: uuid, description: 'Identifies the image' },
  name: { type: orNull('string'), maxLength: 255, description: 'What people call it' },
  status: {
    type: 'string',
    readOnly: true,
    enum: [
      'queued',
      'saving',
      'active',
      'killed',
      'deleted',
      'uploading',
      'importing',
      'pending_delete',
      'deactivated',
    ],
    description: 'How far it is',
  },
  visibility: { type: 'string', enum: [...visibilities], description: 'Who may use it' },
  protected: { type: 'boolean', description: 'It cannot be deleted' },
  os_hidden: { type: 'boolean', description: 'Lists leave it out unless asked for it' },
  checksum: { type: orNull('string'), readOnly: true, maxLength: 32, description: 'MD5 of its data' },
  os_hash_algo: { type: orNull('string'), readOnly: true, maxLength: 64, description: 'Algorithm of os_hash_value' },
  os_hash_value: { type: orNull('string'), readOnly: true, maxLength: 128, description: 'Hash of its data' },
  owner: { type: orNull('string'), maxLength: 255, description: 'Project that it belongs to' },
  size: { type: orNull('integer'), readOnly: true, description: 'Bytes of its data' },
  virtual_size: { type: orNull('integer'), readOnly: true, description: 'Bytes of the disk in it' },
  container_format: { type: orNull('string'), enum: [null, ...containerFormats], description: 'What wraps the disk' },
  disk_format: { type: orNull('string'), enum: [null, ...diskFormats], description: 'Format of the disk' },
  created_at: fixedText('When it was registered'),
  updated_at: fixedText('When it last changed'),
  tags: { type: 'array', items: { type: 'string', maxLength: 255 }, description: 'Labels' },
  direct_url: fixedText('Where the store keeps it'),
  min_ram: { type: 'integer', description: 'MiB of memory that it needs' },
  min_disk: { type: 'integer', description: 'GiB of disk that it needs' },
  self: fixedText('Its own address'),
  file: fixedText('The address of its data'),
  schema: fixedText('The address of this schema'),
  locations: { type: 'array', items: { type: 'object' }, description: 'Addresses in stores' },
  stores: fixedText('Stores that hold its data'),
  instance_uuid: text('Server that it was taken of'),
  kernel_id: { type: orNull('string'), pattern: uuid, description: 'Image with the kernel to boot' },
  ramdisk_id: { type: orNull('string'), pattern: uuid, description: 'Image with the ramdisk to boot' },
  os_distro: text('Name of the operating system'),
  os_version: text('Version of the operating system'),
  architecture: text('Processor that it is made for'),
};

const imageSchema = {
  name: 'image',
  properties: imageProperties,
  additionalProperties: { type: 'string' },
  links: [
    { rel: 'self', href: '{self}' },
    { rel: 'enclosure', href: '{file}' },
    { rel: 'describedby', href: '{schema}' },
  ],
};

const memberSchema = {
  name: 'member',
  properties: {
    member_id: text('Project that the image is shared with'),
    image_id: { type: 'string', pattern: uuid, description: 'The shared image' },
    status: { type: 'string', enum: ['pending', 'accepted', 'rejected'], description: 'What the project made of it' },
    created_at: fixedText('When it was shared'),
    updated_at: fixedText('When it last changed'),
    schema: fixedText('The address of this schema'),
  },
};

const taskSchema = {
  name: 'task',
  properties: {
    id: { type: 'string', pattern: uuid, description: 'Identifies the task' },
    type: { type: 'string', enum: ['import', 'export', 'clone', 'api_image_import'], description: 'What it does' },
    status: { type: 'string', enum: ['pending', 'processing', 'success', 'failure'], description: 'How far it is' },
    owner: text('Project that it belongs to'),
    input: { type: orNull('object'), description: 'What was asked' },
    result: { type: orNull('object'), description: 'What came of it' },
    message: text('Why it failed'),
    created_at: fixedText('When it began'),
    updated_at: fixedText('When it last changed'),
    expires_at: { type: orNull('string'), description: 'When it is forgotten' },
    self: fixedText('Its own address'),
    schema: fixedText('The address of this schema'),
  },
};

/** A schema of a list of `item` under `key`. */
export function listSchema(name: string, item: object): object {
  return {
    name,
    properties: {
      [name]: { type: 'array', items: item },
      schema: { type: 'string' },
      first: { type: 'string' },
      next: { type: 'string' },
    },
    links: [
      { rel: 'first', href: '{first}' },
      { rel: 'next', href: '{next}' },
      { rel: 'describedby', href: '{schema}' },
    ],
  };
}

export const imageSchemas: Record<string, object> = {
  image: imageSchema,
  images: listSchema('images', imageSchema),
  member: memberSchema,
  members: {
    name: 'members',
    properties: { schema: { type: 'string' }, members: { type: 'array', items: memberSchema } },
    links: [{ rel: 'describedby', href: '{schema}' }],
  },
  task: taskSchema,
  tasks: listSchema('tasks', taskSchema),
  ...metadefSchemas(),
};

function metadefSchemas(): Record<string, object> {
  const named = (name: string, properties: object): object => ({ name, properties, additionalProperties: false });
  const title = text('What people call it', 80);
  const about = text('What it is for', 500);
  const times = { created_at: fixedText('When it was made'), updated_at: fixedText('When it last changed') };
  const namespace = named('namespace', {
    namespace: text('Its unique name', 80),
    display_name: title,
    description: about,
    visibility: { type: 'string', enum: ['public', 'private'], description: 'Who may see it' },
    protected: { type: 'boolean', description: 'It cannot be deleted' },
    owner: text('Project that it belongs to', 255),
    ...times,
  });
  const item = { name: text('Its name in the namespace', 80), description: about, ...times };
  const property = named('property', { ...item, title, type: { type: 'string' }, enum: { type: 'array' } });
  const definition = named('object', { ...item, properties: { type: 'object' }, required: { type: 'array' } });
  const tag = named('tag', { name: item.name, ...times });
  const type = named('resource_type_association', { ...item, prefix: text('Before the names of properties', 80) });
  return {
    'metadefs/namespace': namespace,
    'metadefs/namespaces': listSchema('namespaces', namespace),
    'metadefs/object': definition,
    'metadefs/objects': listSchema('objects', definition),
    'metadefs/property': property,
    'metadefs/properties': listSchema('properties', property),
    'metadefs/tag': tag,
    'metadefs/tags': listSchema('tags', tag),
    'metadefs/resource_type': type,
    'metadefs/resource_types': listSchema('resource_type_associations', type),
  };
}

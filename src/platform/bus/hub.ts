// The middle of a bus: knows who subscribed to what and who serves what, and hands frames on between peers.

import type { Frame } from './frames.ts';
import { wildcardOf } from './frames.ts';

export interface Peer {
  /** Hands a frame to the peer. False when it cannot take it; a publication is then lost, a request refused. */
  send(frame: Frame): boolean;
}

export interface Hub {
  /** A frame that came from a peer. */
  receive(peer: Peer, frame: Frame): void;
  /** Forgets a peer; requests that it was to answer fail at their callers. */
  leave(peer: Peer): void;
}

interface Open {
  from: Peer;
  fromId: number;
  to: Peer;
}

export function createHub(): Hub {
  const subscribers = new Map<string, Set<Peer>>();
  const servers = new Map<string, Peer[]>();
  const open = new Map<number, Open>();
  /** Who asks → its own number of a request → ours. */
  const asked = new Map<Peer, Map<number, number>>();
  let nextId = 1;

  function begin(id: number, one: Open): void {
    open.set(id, one);
    const own = asked.get(one.from);
    if (own) own.set(one.fromId, id);
    else asked.set(one.from, new Map([[one.fromId, id]]));
  }

  function end(id: number): void {
    const { from, fromId } = open.get(id)!;
    open.delete(id);
    const own = asked.get(from);
    if (own?.get(fromId) === id) own.delete(fromId);
    if (own?.size === 0) asked.delete(from);
  }

  function request(from: Peer, frame: Frame & { t: 'req' }): void {
    const candidates = servers.get(frame.s) ?? servers.get(wildcardOf(frame.s) ?? '') ?? [];
    for (let tries = candidates.length; tries > 0; tries--) {
      // Servers of one subject take turns.
      const to = candidates.shift()!;
      candidates.push(to);
      const id = nextId++;
      begin(id, { from, fromId: frame.id, to });
      if (to.send({ ...frame, id })) return;
      end(id);
    }
    from.send({ t: 'res', id: frame.id, e: { none: 'noResponder' } });
  }

  function publish(frame: Frame & { t: 'pub' }): void {
    const exact = subscribers.get(frame.s);
    const wildcard = wildcardOf(frame.s);
    const wide = wildcard === null ? undefined : subscribers.get(wildcard);
    for (const peer of exact ?? []) peer.send(frame);
    for (const peer of wide ?? []) if (!exact?.has(peer)) peer.send(frame);
  }

  return {
    receive(peer, frame) {
      switch (frame.t) {
        case 'sub': {
          const peers = subscribers.get(frame.s);
          if (peers) peers.add(peer);
          else subscribers.set(frame.s, new Set([peer]));
          return;
        }
        case 'unsub':
          return drop(subscribers, frame.s, peer);
        case 'serve': {
          const peers = servers.get(frame.s);
          if (!peers) servers.set(frame.s, [peer]);
          else if (!peers.includes(peer)) peers.push(peer);
          return;
        }
        case 'unserve':
          return dropServer(servers, frame.s, peer);
        case 'pub':
          return publish(frame);
        case 'req':
          return request(peer, frame);
        case 'cancel': {
          const id = asked.get(peer)?.get(frame.id);
          if (id !== undefined) end(id);
          return;
        }
        case 'res': {
          const one = open.get(frame.id);
          // Only the peer that was asked may answer.
          if (one?.to !== peer) return;
          end(frame.id);
          one.from.send({ ...frame, id: one.fromId });
        }
      }
    },
    leave(peer) {
      for (const subject of subscribers.keys()) drop(subscribers, subject, peer);
      for (const subject of servers.keys()) dropServer(servers, subject, peer);
      for (const [id, { from, fromId, to }] of open) {
        if (from !== peer && to !== peer) continue;
        end(id);
        if (to === peer && from !== peer) from.send({ t: 'res', id: fromId, e: { none: 'disconnected' } });
      }
    },
  };
}

function drop(subscribers: Map<string, Set<Peer>>, subject: string, peer: Peer): void {
  const peers = subscribers.get(subject);
  if (peers?.delete(peer) && peers.size === 0) subscribers.delete(subject);
}

function dropServer(servers: Map<string, Peer[]>, subject: string, peer: Peer): void {
  const rest = servers.get(subject)?.filter(other => other !== peer);
  if (!rest) return;
  if (rest.length === 0) servers.delete(subject);
  else servers.set(subject, rest);
}

// Owns `useEvents`: a stream that lives as long as the component that uses it.
//
// It does not know how streams work.

import { useCallback, useEffect, useRef, useState } from "react";
import { connect, type Options, type Status, type Stream, type StreamEvent } from "./index.js";

export interface EventsOptions<T> extends Options {
  /** The types that are listened to. Default: `message`. `*` is all. */
  types?: string[];
  /** What of an event is `last`. Default: its data as JSON, or as text where it is none. */
  parse?: (event: StreamEvent) => T;
  /** Called with each event; the newest function is, without a new stream. */
  onEvent?: (event: StreamEvent) => void;
}

export interface Events<T> {
  status: Status;
  /** What was made of the last event; undefined before there is one. */
  last: T | undefined;
  /** What `parse` threw at the last event, which has changed nothing else. */
  parseError: unknown;
  reconnect(): void;
}

const IDLE: Status = { state: "idle", attempt: 0, transport: "eventsource", shared: false };

/**
 * Events of a URL; null: none, for as long. The stream is made anew when the URL or an option changes that
 * is data; functions may be others each time.
 */
export function useEvents<T = unknown>(url: string | URL | null, options: EventsOptions<T> = {}): Events<T> {
  const { types = ["message"], parse: _parse, onEvent: _onEvent, token, ...rest } = options;
  const [status, setStatus] = useState(IDLE);
  const [{ last, parseError }, setLast] = useState<{ last: T | undefined; parseError: unknown }>(NOTHING);
  const stream = useRef<Stream>(null);
  const newest = useRef(options);
  useEffect(() => {
    newest.current = options;
  });

  const address = url === null ? null : String(url);
  const key = JSON.stringify([types, rest, !!token]);
  useEffect(() => {
    setLast(NOTHING);
    setStatus(IDLE);
    if (address === null) return;
    const withToken = token ? { token: () => newest.current.token!() } : {};
    const opened = (stream.current = connect(address, { ...rest, ...withToken }));
    opened.watch(setStatus);
    for (const type of types) {
      opened.on(type, (event) => {
        try {
          const last = (newest.current.parse ?? read<T>)(event);
          setLast({ last, parseError: undefined });
        } catch (parseError) {
          setLast(({ last }) => ({ last, parseError }));
        }
        newest.current.onEvent?.(event);
      });
    }
    return () => {
      opened.close();
      stream.current = null;
    };
    // The key stands for all of the options that a stream is made with.
  }, [address, key]);

  const reconnect = useCallback(() => stream.current?.reconnect(), []);
  return { status, last, parseError, reconnect };
}

const NOTHING = { last: undefined, parseError: undefined };

function read<T>(event: StreamEvent): T {
  try {
    return event.json<T>();
  } catch {
    return event.data as T;
  }
}

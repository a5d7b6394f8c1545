// How long tracegen waits for a peer, and how much it sends at once.

/** A peer that is there answers in milliseconds. */
export const CONNECT_MS_MAX = 5_000;
/** As OpenTelemetry's exporters wait. */
export const SEND_MS_MAX = 10_000;
/** What gRPC servers take at most by default. */
export const PAYLOAD_BYTES_MAX = 4 * 1024 * 1024;
/** What agents of Jaeger read of a datagram by default. */
export const DATAGRAM_BYTES_MAX = 65_000;

// Every bound of the doors, in one place, each with its reason. All can be set by the owner.
//
// Not here: bounds of formats (wire) and of queues (collector).

/** Bounds of one HTTP door. */
export interface HttpLimits {
  /** Request line and header fields together; more is answered 431. */
  readonly headerBytesMax: number;
  /** A body as it comes over the wire; more is answered 413. */
  readonly bodyBytesMax: number;
  /** A body after decompression; more is answered 413. */
  readonly plainBytesMax: number;
  /** All bodies in flight of this door, unless it shares a ByteBudget; more is answered 429. */
  readonly inFlightBytesMax: number;
  /** Requests being received or answered; a further one is answered 429. */
  readonly requestsMax: number;
  /** Open connections; a further one is closed at once. */
  readonly connectionsMax: number;
  /** From the first byte (or the connect) to the end of the headers; then 408. 0 = no bound. */
  readonly headersTimeoutMs: number;
  /** From the first byte to the end of the body; then 408. 0 = no bound. */
  readonly requestTimeoutMs: number;
  /** A connection without a request. 0 = no bound. */
  readonly idleTimeoutMs: number;
  /** A peer that does not read its answer. */
  readonly answerTimeoutMs: number;
  /** How long the rest of a refused body is read and dropped, so that the peer sees its answer. */
  readonly lingerMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const httpLimits: HttpLimits = {
  headerBytesMax: 128 * KIB, //    a search for 1,000 traces by id takes 45 KiB
  bodyBytesMax: 16 * MIB, //       an OTLP batch is 0.1..4 MiB; a trace file for /api/transform more
  plainBytesMax: 64 * MIB, //      traces shrink 10:1, sometimes 30:1; a bomb 1000:1
  inFlightBytesMax: 128 * MIB, //  half of what the process may take above its store
  requestsMax: 1_024, //           one connection can pipeline thousands
  connectionsMax: 4_096, //        ~25 KiB each while idle
  headersTimeoutMs: 2_000, //      Jaeger's read-header-timeout
  requestTimeoutMs: 30_000, //     16 MiB at 4.5 Mbit/s
  idleTimeoutMs: 120_000, //       longer than most clients' and proxies' own (60..90 s)
  answerTimeoutMs: 30_000, //      no byte taken in that time
  lingerMs: 2_000, //              a few round trips to the other side of the world
};

/** Bounds of one gRPC door. */
export interface GrpcLimits {
  /** One message, after decompression; more is answered RESOURCE_EXHAUSTED. */
  readonly messageBytesMax: number;
  /** All messages in flight of this door, unless it shares a ByteBudget. */
  readonly inFlightBytesMax: number;
  /** The header list of one call, as HTTP/2 counts it (RFC 9113 §6.5.2). */
  readonly headerBytesMax: number;
  readonly streamsPerConnectionMax: number;
  readonly connectionsMax: number;
  /** From the connect to the end of the HTTP/2 preface. */
  readonly handshakeTimeoutMs: number;
  /** From a call's headers to the end of its message. */
  readonly requestTimeoutMs: number;
  /** A connection without a call; 0 = no bound. */
  readonly idleTimeoutMs: number;
  /** Silence after which the peer is pinged, and how long its answer may take. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** A connection's age at which it is told to go away (±10 %); 0 = never. Then the grace. */
  readonly connectionAgeMaxMs: number;
  /** 0 = calls may take as long as they need. */
  readonly connectionAgeGraceMs: number;
  /** A peer that does not read its answer. */
  readonly answerTimeoutMs: number;
}

export const grpcLimits: GrpcLimits = {
  messageBytesMax: 4 * MIB, //        grpc-go's default, which Jaeger has
  inFlightBytesMax: 128 * MIB, //     as for HTTP
  headerBytesMax: 64 * KIB, //        calls carry some 300 bytes; tokens and baggage a few KiB
  streamsPerConnectionMax: 256, //    more wait at the sender
  connectionsMax: 4_096, //           ~16 KiB each while idle
  handshakeTimeoutMs: 10_000, //      TLS over a bad line takes 1 s
  requestTimeoutMs: 30_000, //        4 MiB at 1.2 Mbit/s
  idleTimeoutMs: 0, //                an exporter may be silent for hours; keepalive finds the dead
  keepaliveMs: 120_000, //            below the usual 350 s of a load balancer (grpc-go: 2 h)
  keepaliveTimeoutMs: 20_000, //      grpc-go's default
  connectionAgeMaxMs: 0, //           Jaeger's default
  connectionAgeGraceMs: 0, //         Jaeger's default
  answerTimeoutMs: 30_000, //         no byte taken in that time
};

/** Bounds of one TChannel door, and of the connections that we open. */
export interface TChannelLimits {
  /** The third argument of a call, or of an answer, all fragments together. */
  readonly bodyBytesMax: number;
  /** All bodies in flight of this door, unless it shares a ByteBudget. */
  readonly inFlightBytesMax: number;
  /** Calls of one connection that come in or are not answered yet; a further one is told busy. */
  readonly callsPerConnectionMax: number;
  readonly connectionsMax: number;
  /** From the connect to the end of the init frame. */
  readonly handshakeTimeoutMs: number;
  /** From the first byte of a frame, or of a call, to its last, however long its own ttl is. */
  readonly requestTimeoutMs: number;
  /** Silence after which the peer is pinged, and how long its answer may take. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** A peer that does not read its answer. */
  readonly answerTimeoutMs: number;
  /** How long a peer that broke the protocol may take to read why, and to close. */
  readonly lingerMs: number;
}

export const tchannelLimits: TChannelLimits = {
  bodyBytesMax: 16 * MIB, //          as for HTTP; agents send one datagram a call, 65 KB at most
  inFlightBytesMax: 128 * MIB, //     as for HTTP
  callsPerConnectionMax: 1_024, //    an agent has 30 workers, each with one call
  connectionsMax: 4_096, //           ~8 KiB each while idle
  handshakeTimeoutMs: 10_000, //      as for gRPC
  requestTimeoutMs: 30_000, //        16 MiB at 4.5 Mbit/s
  keepaliveMs: 120_000, //            as for gRPC
  keepaliveTimeoutMs: 20_000, //      as for gRPC
  answerTimeoutMs: 30_000, //         no byte taken in that time
  lingerMs: 2_000, //                 as for HTTP
};

// The public surface of `spoor/client/grpc`: interceptors for @grpc/grpc-js 1.10 and later.
//
// Loads nothing of grpc-js: the application has done that, or has no gRPC.

export { openTracingClientInterceptor } from "./client-interceptor.ts";
export type {
  Fields,
  InterceptorOptions,
  MessageFields,
  TracedCall,
} from "./interceptor-options.ts";
export { openTracingServerInterceptor } from "./server-interceptor.ts";

# The image of Spoor: the published package on a plain Node, one process, no shell needed.
# Build: docker build -t spoor .
# Run:   docker run -p 16686:16686 -p 4317:4317 -p 4318:4318 -v spoor:/data spoor

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build
# The demo's SDKs are optional dependencies and stay out of the image.
RUN cd dist && npm ci --omit=dev --omit=optional && rm package-lock.json

FROM node:24-bookworm-slim
COPY --from=build /build/dist /opt/spoor
RUN mkdir /data && chown 10001:10001 /data
USER 10001:10001
# One arena of the allocator for all threads: 50 MB less under load.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1 \
    LISTEN_HOST=0.0.0.0 \
    SEGMENT_DIRECTORY=/data
VOLUME /data
# OTLP gRPC and HTTP, sampling HTTP and gRPC, Zipkin, Jaeger gRPC and HTTP, admin, query gRPC and HTTP.
EXPOSE 4317 4318 5778 5779 9411 14250 14267 14268 14269 16685 16686
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:14269/').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/opt/spoor/cli/main.js"]

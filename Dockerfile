# The product as one image; the role is its first word: api, worker, maintenance, migrate, doctor. Without a word all roles
# run in one process.
FROM node:26-bookworm-slim AS base
# Node 26 is linked to it, and not every build of the slim image has it.
RUN ldconfig -p | grep -q 'libatomic\.so\.1' \
 || (apt-get update && apt-get install -y --no-install-recommends libatomic1 && rm -rf /var/lib/apt/lists/*)

FROM base AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The optional ones are an embedded PostgreSQL and a Node of its own: here the one is a server apart, the other the base.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force

FROM base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="taskfold" \
      org.opencontainers.image.description="A distributed task scheduler that remembers everything" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
WORKDIR /app
# Owned by root and never written: the process is another user's and needs no writable folder.
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY migrations migrations
COPY src src
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
EXPOSE 3000
# /readyz answers at once whatever hangs; an event loop that stands still does not answer, which counts as well.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=2 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/readyz`, { signal: AbortSignal.timeout(3000) }).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# No shell between: signals reach Node, which drains. The flags are those of `npm start`.
ENTRYPOINT ["node", "--min-semi-space-size=48", "--max-semi-space-size=48", "src/bootstrap/launcher.mjs"]

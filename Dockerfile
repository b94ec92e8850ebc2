# ForgeQ in a container: `forgeq server` or `forgeq worker` with this project's handlers. See docs/container.md.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# No development packages, and no optional ones: Node is there already.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-slim AS dashboard
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=optional --no-audit --no-fund
COPY esbuild.config.mjs ./
COPY dashboard ./dashboard
RUN npm run build:dashboard

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY bin ./bin
COPY migrations ./migrations
COPY lib ./lib
COPY functions ./functions
COPY --from=dashboard /app/.build/dashboard ./.build/dashboard
COPY --from=dashboard /app/.build/reference ./.build/reference
USER node
EXPOSE 3000
# Node itself is process 1, so that SIGTERM reaches it: no shell, no npx.
ENTRYPOINT ["node", "bin/forgeq.js"]
CMD ["worker"]

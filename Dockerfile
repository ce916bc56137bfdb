# One recipe for every service. The workspace is compiled once, in the stage `build`; an image has
# the one program that `SERVICE` names, on a base without a shell. A new service needs no change
# here.

FROM rust:1.95-slim-trixie AS build
WORKDIR /src
ENV CARGO_TARGET_DIR=/target
COPY . .
# What was compiled before is kept in the cache mounts. They are shared by all checkouts on the
# machine, and cargo goes by the age of files, which says nothing between checkouts. So a file
# counts as old if the last build that ended well had it with the same content, and as new if not.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=todo-target,target=/target,sharing=locked \
    mkdir -p /target/dist /out \
    && touch /target/sources \
    && find . -type f -exec sha256sum {} + | sort > /tmp/sources \
    && find . -exec touch -d @0 {} + \
    && comm -13 /target/sources /tmp/sources | cut -c 67- | xargs -r -d '\n' touch \
    && rm /target/sources \
    && find /target/dist -maxdepth 1 -type f -delete \
    && cargo build --profile dist --locked --workspace --bins \
        --exclude bench --exclude chaos --exclude e2e --exclude testkit --exclude xtask \
    && find /target/dist -maxdepth 1 -type f -executable -exec cp -t /out {} + \
    && mv /tmp/sources /target/sources

FROM gcr.io/distroless/cc-debian13:nonroot
ARG SERVICE
COPY --from=build /out/${SERVICE} /service
ENTRYPOINT ["/service"]

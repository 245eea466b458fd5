# The image of the operator: one static program, a user without rights, nothing else. hack/image makes the same without an engine.
#
#   docker buildx build --platform linux/amd64,linux/arm64 -t trustedapp-operator:dev .
#
# The git repository is part of the build context: the Go toolchain stamps the commit into the program.
# The same Go version gives the same program.
ARG GO=1.26.8
FROM --platform=$BUILDPLATFORM golang:${GO} AS build
WORKDIR /source
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
ENV CGO_ENABLED=0 GOFLAGS= GOEXPERIMENT= GOAMD64=v1 GOARM64=v8.0 GOWORK=off
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH go build -buildvcs=true -o /manager -trimpath "-ldflags=-s -w" .

FROM scratch
LABEL org.opencontainers.image.title="trustedapp operator" \
      org.opencontainers.image.description="Registers TrustedApplications at ERP.net identity servers" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build --chmod=0555 /manager /manager
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/manager"]

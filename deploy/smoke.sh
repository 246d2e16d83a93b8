#!/usr/bin/env bash
# Checks the image without a Docker daemon: buildah builds the last stage of deploy/Dockerfile from existing
# executables, on an empty base instead of distroless, and the result runs with nothing but its own content: read-only,
# without capabilities, as user 65532.
#
#   deploy/smoke.sh ORGWATCHD ORGWATCH
#
# Both executables must be static, and orgwatchd without the commands of development:
#   RUSTFLAGS="-Ctarget-feature=+crt-static" cargo build -p orgwatchd --no-default-features --target HOST
#   RUSTFLAGS="-Ctarget-feature=+crt-static" cargo build -p orgwatch --target HOST
# Needs root, buildah (without it the files are laid out by cp), unshare, setpriv and file.
# It does not check whether the stages before the last one build, nor the base's certificates, time zones and users.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
usage="usage: deploy/smoke.sh ORGWATCHD ORGWATCH"
orgwatchd=$(realpath "${1:?$usage}")
orgwatch=$(realpath "${2:?$usage}")
work=$(mktemp --directory)
image=localhost/orgwatch:smoke
mounted=""
trap 'cleanup' EXIT

cleanup() {
    if [ -n "$mounted" ]; then
        buildah umount "$mounted" >/dev/null || true
        buildah rm "$mounted" >/dev/null || true
        buildah rmi "$image" >/dev/null || true
    fi
    rm -rf "$work"
}

say() { printf '%-62s %s\n' "$1" "$2"; }

fail() {
    say "$1" FAILED
    exit 1
}

mkdir -p "$work/out/out"
for executable in "$orgwatchd" "$orgwatch"; do
    name=$(basename "$executable")
    file --brief "$executable" | grep --quiet 'static-pie linked\|statically linked' || fail "$name is static"
    say "$name is static" ok
done
cp "$orgwatchd" "$work/out/out/orgwatchd"
cp "$orgwatch" "$work/out/out/orgwatch"
python3 deploy/sbom.py > "$work/out/out/orgwatchd.cdx.json"
python3 deploy/sbom.py --package orgwatch > "$work/out/out/orgwatch.cdx.json"
if command -v buildah >/dev/null; then
    # The last stage, literally; a folder replaces the stages before it.
    sed -n '1,/^ARG RUNTIME/p; /^FROM ${RUNTIME}/,$p' deploy/Dockerfile |
        sed 's/^COPY --from=build /COPY /' > "$work/Dockerfile"
    buildah bud --quiet --isolation chroot --build-arg RUNTIME=scratch --build-arg VERSION=smoke \
        --tag "$image" --file "$work/Dockerfile" "$work/out" > "$work/id"
    user=$(buildah inspect --type image --format '{{.OCIv1.Config.User}}' "$image")
    [ "$user" = 65532:65532 ] || fail "the image runs as 65532:65532, not '$user'"
    say "the image runs as 65532:65532" ok
    mounted=$(buildah from "$image")
    root=$(buildah mount "$mounted")
    cp -a "$root" "$work/root"
else
    say "buildah is not here: the settings of the image are not checked" skipped
    mkdir -p "$work/root/usr/local/bin"
    cp "$orgwatchd" "$orgwatch" "$work/root/usr/local/bin/"
fi
# Files that a container runtime adds to every container.
mkdir -p "$work/root/etc/orgwatch" "$work/root/dev" "$work/root/tmp"
mknod --mode=666 "$work/root/dev/null" c 1 3
# Sources of randomness.
mknod --mode=666 "$work/root/dev/random" c 1 8
mknod --mode=666 "$work/root/dev/urandom" c 1 9
cp deploy/orgwatchd.toml "$work/root/etc/orgwatch/"
echo "127.0.0.1 nats" > "$work/root/etc/hosts"
chmod 0755 "$work" "$work/root"

# Runs the program of the image, by default the entry point, with the variables before `--` and the arguments after it, in
# separate namespaces, without a network, with the root mounted read-only.
program=orgwatchd
inside() {
    local variables=()
    while [ "$1" != -- ]; do
        variables+=("$1")
        shift
    done
    # shellcheck disable=SC2016 # Expanded inside.
    unshare --mount --net --pid --fork --kill-child bash -euc '
        root=$1
        shift
        mount --bind "$root" "$root"
        mount -o remount,bind,ro "$root"
        if touch "$root/tmp/written" 2>/dev/null; then echo "the root can be written" >&2; exit 99; fi
        exec env --ignore-environment "$@"' inside "$work/root" \
        PATH=/usr/sbin:/usr/bin ORGWATCH_CONFIG=/etc/orgwatch/orgwatchd.toml "${variables[@]}" \
        setpriv --no-new-privs chroot --userspec=65532:65532 --groups= "$work/root" "/usr/local/bin/$program" "${@:2}"
}

inside -- --version > "$work/output" || fail "it runs without other files, read-only, as 65532"
say "it runs without other files, read-only, as 65532" "ok: $(cat "$work/output")"

(program=orgwatch && inside -- explain --help) > "$work/output" || fail "orgwatch explain runs the same way"
say "orgwatch explain runs the same way" ok

for command in dev fake-org; do
    if inside -- "$command" --help > "$work/output" 2>&1; then fail "it has no command $command"; fi
    grep --quiet "unrecognized subcommand '$command'" "$work/output" || fail "it has no command $command"
    say "it has no command $command" ok
done

inside ORGWATCH_POSTGRES__URL=postgres://orgwatch@postgres/orgwatch -- config check || fail "its configuration is valid"
say "its configuration is valid" ok

if inside -- config check 2> "$work/output"; then fail "a configuration without a database is refused"; fi
grep --quiet 'postgres.url' "$work/output" || fail "a configuration without a database is refused by name"
say "a configuration without a database is refused by name" ok

# Checks that names are resolved and a thread pool runs: /etc/hosts has the address of `nats`, and no server listens there.
sed -i 's/^ca_file.*//; s/^otlp_endpoint.*//; s/tls:/nats:/' "$work/root/etc/orgwatch/orgwatchd.toml"
if inside ORGWATCH_NATS__CONNECT_SECONDS=1 ORGWATCH_POSTGRES__URL=postgres://orgwatch@postgres/orgwatch \
    -- topology show > "$work/output" 2>&1; then
    fail "without a server it ends with a reason"
fi
grep --quiet --ignore-case 'network is unreachable\|connection refused' "$work/output" || {
    cat "$work/output"
    fail "without a server it ends with a reason"
}
say "without a server it ends with a reason" ok

#!/bin/sh
# Makes sure that there is a Chromium for the browser tests: one on PATH, else Debian's package.
set -u

there() {
  for name in "${AUTOLOOP_CHROMIUM:-chromium}" chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null 2>&1 && return 0
  done
  return 1
}

there && exit 0
root=
[ "$(id -u)" -eq 0 ] || root="sudo -n"
if command -v apt-get >/dev/null 2>&1; then
  echo "Installing Chromium for the browser tests (once) …"
  export DEBIAN_FRONTEND=noninteractive
  $root apt-get update -qq >/dev/null 2>&1
  $root apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null 2>&1
  there && exit 0
fi
echo "The browser tests need Chromium, and it could not be installed: put chromium or google-chrome on PATH," \
  "name one in AUTOLOOP_CHROMIUM, or leave them out: make test BROWSER=no" >&2
exit 1

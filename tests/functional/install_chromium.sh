#!/bin/sh
# The browser tests drive Debian's Chromium. Install it where we may; else say how, and those tests are skipped.
set -eu
command -v chromium >/dev/null && exit 0
if ! command -v apt-get >/dev/null; then
    echo "Browser tests are skipped: install Chromium so that 'chromium' is on the PATH." >&2
    exit 0
fi
run=""
[ "$(id -u)" = 0 ] || run="sudo -n"
if [ -n "$run" ] && ! sudo -n true 2>/dev/null; then
    echo "Browser tests are skipped: install Chromium with 'sudo apt install chromium'." >&2
    exit 0
fi
echo "Installing Chromium for the browser tests ..."
export DEBIAN_FRONTEND=noninteractive
$run apt-get update -qq
$run apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null

#!/bin/sh
# Some tests drive Debian's Chromium, and start a PostgreSQL and a Redis of their own. Install what is missing where we
# may; else say which tests are skipped. What Debian starts by itself is neither used nor touched.
set -eu
missing=""
without() {
    missing="$missing $2"
    lines="${lines:-}$1 are skipped: install $2 (on Debian: sudo apt install $2).
"
}
command -v chromium >/dev/null || without "Browser tests" "chromium fonts-noto-cjk"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || without "Tests on PostgreSQL" postgresql
command -v redis-server >/dev/null || without "Tests on Redis" redis-server
# On people's machines nobody installs an nginx for them: Debian starts it, on port 80 of every address.
[ -z "${CI:-}" ] || command -v nginx >/dev/null || without "Tests of the web server in front" nginx-light
for font in "Noto Sans CJK:fonts-noto-cjk" "Noto Sans Thai:fonts-noto-core"; do
    fc-list 2>/dev/null | grep -q "${font%:*}" || without "Tests of ${font%:*} in PDF reports" "${font#*:}"
done
[ -n "$missing" ] || exit 0

run=""
[ "$(id -u)" = 0 ] || run="sudo -n"
if ! command -v apt-get >/dev/null || { [ -n "$run" ] && ! sudo -n true 2>/dev/null; }; then
    printf '%s' "$lines" >&2
    exit 0
fi
echo "Installing$missing for the tests ..."
export DEBIAN_FRONTEND=noninteractive
$run apt-get update -qq
# shellcheck disable=SC2086  # names, one a word
$run apt-get install -y -qq --no-install-recommends $missing >/dev/null

#!/bin/sh
# Make deploy/.env with passwords of its own, readable by its owner alone. An .env that is there stays as it is.
set -eu
umask 077
cd "$(dirname "$0")"
if [ -e .env ]; then
    echo "deploy/.env is there already; delete it to make another." >&2
    exit 1
fi
secret() {
    head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}
{
    echo "POSTGRES_PASSWORD=$(secret)"
    echo "REDIS_PASSWORD=$(secret)"
    echo "TUSKLINE_METRICS_TOKEN=$(secret)"
    echo "# Whom a marketplace may write to about your crawls: an e-mail address or a page."
    echo "TUSKLINE_CONTACT="
    echo "# Where people open the pages, https://tuskline.example say, and from which address the web server with TLS calls."
    echo "TUSKLINE_PUBLIC_URL="
    echo "TUSKLINE_TRUSTED_PROXY="
    echo "# text or json: how processes write their logs."
    echo "TUSKLINE_LOG_FORMAT=text"
    echo "# A store on S3, and what opens it; a volume that all containers share unless given."
    echo "TUSKLINE_STORE_URL="
    echo "AWS_ENDPOINT_URL="
    echo "AWS_ACCESS_KEY_ID="
    echo "AWS_SECRET_ACCESS_KEY="
    echo "AWS_DEFAULT_REGION="
} > .env
echo "deploy/.env is made: give TUSKLINE_CONTACT a value in it."

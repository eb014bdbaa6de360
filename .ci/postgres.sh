#!/usr/bin/env bash
# A PostgreSQL server for the tests, of Debian's package, that is thrown away afterwards:
#   .ci/postgres.sh start FOLDER    a new folder; prints the server's URL
#   .ci/postgres.sh stop FOLDER     stops it and removes the folder
set -euo pipefail
folder=${2:?usage: .ci/postgres.sh start|stop FOLDER}

programs() {
  local newest
  newest=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true)
  if [ -n "$newest" ]; then echo "$newest"; else dirname "$(command -v pg_ctl)"; fi
}

# PostgreSQL refuses to run as root
as_owner() {
  if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

case $1 in
  start)
    bin=$(programs)
    mkdir "$folder"
    mkdir "$folder/socket"
    password=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    printf '%s' "$password" > "$folder/password"
    if [ "$(id -u)" = 0 ]; then
      chmod 711 "$(dirname "$folder")"   # mktemp's is for root alone
      chown -R postgres "$folder"
    fi
    cd "$folder"
    {
      as_owner "$bin/initdb" --pgdata="$folder/data" --username=secateur --encoding=UTF8 --locale=C \
        --auth=scram-sha-256 --pwfile="$folder/password" --no-sync
      as_owner "$bin/pg_ctl" --pgdata="$folder/data" --log="$folder/log" --wait start \
        --options="-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$folder/socket -c fsync=off"
    } >&2
    echo "postgresql+psycopg://secateur:$password@127.0.0.1:$port/postgres"
    ;;
  stop)
    cd /
    as_owner "$(programs)/pg_ctl" --pgdata="$folder/data" --mode=immediate --wait stop >&2
    rm -rf "$folder"
    ;;
  *)
    echo "usage: .ci/postgres.sh start|stop FOLDER" >&2
    exit 2
    ;;
esac

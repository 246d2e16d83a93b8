#!/bin/sh
# Runs once, when the database is created. Creates the owner of the schema, which is not a superuser, the role of
# readers, and for each service and the operator a role with a login that is its member.
set -eu

administer() {
    psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres "$@"
}

administer --set password="$(cat /run/secrets/postgres-password)" <<'SQL'
CREATE ROLE orgwatch_reader NOLOGIN;
CREATE ROLE orgwatch LOGIN PASSWORD :'password';
CREATE DATABASE orgwatch OWNER orgwatch;
SQL
while read -r service password; do
    administer --set role="orgwatch_$service" --set login="orgwatch_${service}_1" \
        --set password="$password" <<'SQL'
CREATE ROLE :"role" NOLOGIN;
CREATE ROLE :"login" LOGIN PASSWORD :'password' IN ROLE :"role";
SQL
done < /run/secrets/postgres-logins

#!/bin/sh
# Runs once, when the database is made: the owner of the schema, who is no superuser, and the role of readers.
set -eu
psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
    --set password="$(cat /run/secrets/postgres-password)" <<'SQL'
CREATE ROLE orgwatch_reader NOLOGIN;
CREATE ROLE orgwatch LOGIN PASSWORD :'password';
CREATE DATABASE orgwatch OWNER orgwatch;
SQL

use crate::support::Database;
use sqlx::AssertSqlSafe;
use store::{Schema, Settings, Store, StoreError};

#[tokio::test]
async fn replicas_may_migrate_concurrently_and_repeatedly() {
    let database = Database::empty().await;
    let (a, b) = tokio::join!(database.store(), database.store());
    let (first, second) = tokio::join!(a.migrate(), b.migrate());
    first.unwrap();
    second.unwrap();
    a.migrate().await.unwrap();

    let mut connection = database.connection().await;
    let ran: Vec<bool> =
        sqlx::query_scalar("SELECT success FROM orgwatch.migrations").fetch_all(&mut connection).await.unwrap();
    assert!(ran.len() >= 7 && ran.iter().all(|success| *success), "{ran:?}");
    let elsewhere: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(elsewhere, 0);
    a.ping().await.unwrap();
    assert!(a.pool_gauges().size >= a.pool_gauges().idle);
}

/// A partition that lags would otherwise take messages that it has not read, and that have expired, for those of others.
#[tokio::test]
async fn an_upgrade_does_not_guess_how_far_a_partition_has_read() {
    let database = Database::empty().await;
    let mut connection = database.connection().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    for file in files {
        if file.ends_with("0011_bounds.sql") {
            let before = "INSERT INTO orgwatch.checkpoints (partition, applied) VALUES (1, 10), (2, 1000)";
            sqlx::query(before).execute(&mut connection).await.unwrap();
        }
        let migration = format!("BEGIN; {} COMMIT", std::fs::read_to_string(file).unwrap());
        sqlx::raw_sql(AssertSqlSafe(migration)).execute(&mut connection).await.unwrap();
    }
    let reached: Vec<Option<i64>> =
        sqlx::query_scalar("SELECT reached FROM orgwatch.checkpoints").fetch_all(&mut connection).await.unwrap();
    assert_eq!(reached, [None, None]);
}

#[tokio::test]
async fn a_changed_migration_is_refused_and_the_lock_released() {
    let (database, store) = Database::migrated().await;
    let mut connection = database.connection().await;
    sqlx::query("UPDATE orgwatch.migrations SET checksum = '\\x00' WHERE version = 1")
        .execute(&mut connection)
        .await
        .unwrap();
    for _ in 0..2 {
        let error = store.migrate().await.unwrap_err();
        assert!(matches!(error, StoreError::Migrate(_)) && !error.is_transient(), "{error:?}");
    }
}

#[tokio::test]
async fn an_owner_without_cluster_rights_can_migrate() {
    let database = Database::empty().await;
    // The first database of the cluster creates the roles, which a role without CREATEROLE cannot.
    database.store().await.migrate().await.unwrap();
    let modest = Database::empty().await;
    let mut connection = modest.connection().await;
    let role = format!("modest_{}", modest.url().rsplit('_').next().unwrap());
    for statement in
        [format!("CREATE ROLE {role} LOGIN"), format!("GRANT CREATE ON DATABASE {} TO {role}", name(&modest))]
    {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    let url = modest.url().replace("postgres@", &format!("{role}@"));
    let store = Store::connect(&Settings { url: url.into(), ..Settings::default() }, "modest").await.unwrap();
    store.migrate().await.unwrap();
    let user = crate::support::user("emma");
    crate::support::put_incidents(&store, &user, &[crate::support::open(crate::support::incident(1, &user))]).await;
    assert_eq!(store.incidents(&Default::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_unreachable_server_is_a_transient_error() {
    let (_database, store) = Database::migrated().await;
    drop(store);
    let settings = Settings { url: "postgres://postgres@127.0.0.1:1/nowhere".into(), ..Settings::default() };
    let error = Store::connect(&settings, "test").await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(error.to_string(), "cannot connect as postgres at postgres 127.0.0.1:1/nowhere");
}

#[tokio::test]
async fn a_schema_of_another_release_is_named() {
    let database = Database::empty().await;
    let (store, mut connection) = (database.store().await, database.connection().await);
    let place = format!("postgres {}/{}", database.server.address(), name(&database));
    assert_eq!(store.compare_schema().await.unwrap(), Schema::Empty);
    let error = store.check_schema().await.unwrap_err();
    assert_eq!(error.to_string(), format!("{place} has no schema of orgwatch: run `orgwatchd migrate`"));
    let error = store.placements().await.unwrap_err();
    assert!(matches!(error, StoreError::Schema { .. }) && error.to_string().contains("orgwatchd migrate"), "{error}");

    store.migrate().await.unwrap();
    assert_eq!(store.compare_schema().await.unwrap(), Schema::Current);
    let next = "INSERT INTO orgwatch.migrations (version, description, success, checksum, execution_time)
                SELECT max(version) + 1, 'of a later release', true, '', 0 FROM orgwatch.migrations";
    sqlx::query(next).execute(&mut connection).await.unwrap();
    store.check_schema().await.unwrap();
    let error = store.migrate().await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found, expected, .. } if found == expected + 1), "{error:?}");
    assert!(error.to_string().starts_with(&format!("{place} is newer than this executable, at migration ")), "{error}");

    let last_two = "DELETE FROM orgwatch.migrations WHERE version + 2 > (SELECT max(version) FROM orgwatch.migrations)";
    sqlx::query(last_two).execute(&mut connection).await.unwrap();
    let error = store.check_schema().await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("{place} is older than this executable, at migration ")), "{error}");
}

#[tokio::test]
async fn a_role_that_may_not_migrate_is_named_in_one_line() {
    let database = Database::empty().await;
    let role = format!("stranger_{}", name(&database));
    let create = format!("CREATE ROLE {role} LOGIN");
    sqlx::query(AssertSqlSafe(create)).execute(&mut database.connection().await).await.unwrap();
    let url = database.url().replace("postgres@", &format!("{role}@"));
    let store = Store::connect(&Settings { url: url.into(), ..Settings::default() }, "stranger").await.unwrap();
    let error = store.migrate().await.unwrap_err();
    assert!(matches!(error, StoreError::MayNotMigrate { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("role {role} at postgres ")) && text.contains("orgwatchd migrate"), "{text}");
    assert_eq!(text.lines().count(), 1);
}

fn name(database: &Database) -> String {
    database.url().rsplit('/').next().unwrap().to_owned()
}
